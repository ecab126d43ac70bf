import type { Role } from '../../core/api';

export interface Powers {
  promote: boolean;
  demote: boolean;
  handOver: boolean;
  remove: boolean;
}

/** What somebody of one role may do to somebody of another. The server and every client check it; this only hides what would fail. */
export function powers(mine: Role | undefined, theirs: Role): Powers {
  const owner = mine === 'owner';
  return {
    promote: owner && theirs === 'member',
    demote: owner && theirs === 'admin',
    handOver: owner && theirs !== 'owner',
    remove: theirs === 'owner' ? false : owner || (mine === 'admin' && theirs === 'member'),
  };
}
