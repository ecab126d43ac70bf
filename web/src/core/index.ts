import type { Core } from './api';
import { TabCore } from './tab';

export type * from './api';
export { FILE_BYTES_MAX, FILES_MAX, THUMBNAIL_BYTES_MAX, TRANSFERS_MAX, WAVEFORM_VALUES_MAX } from './api';

/** The core that all tabs share, as this tab speaks to it. What is asked before it stands is answered when it does. */
export function connectCore(): Core {
  return new TabCore().asCore();
}
