/**
 * Makes a dialog modal: the browser keeps the focus inside and closes on Esc. One that is taken away does not give the focus
 * back by itself. `first` is where one begins; else the browser's choice stands.
 */
export function modal(first = '.body :is(input, textarea):not([hidden])') {
  return (dialog: HTMLDialogElement) => {
    const before = document.activeElement;
    dialog.showModal();
    dialog.querySelector<HTMLElement>(first)?.focus();
    return () => {
      dialog.close();
      const isLost = document.activeElement === document.body || document.activeElement === null;
      if (isLost && before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  };
}

/** What is only read can be scrolled by keys: it takes the focus where nothing in it does. */
export function scrollsByKeys(body: HTMLElement) {
  if (!body.querySelector('a[href], button, input, select, textarea, [tabindex]')) body.tabIndex = 0;
}
