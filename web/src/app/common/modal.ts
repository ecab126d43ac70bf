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

/** What had the focus may go, such as the sign of loading when it is over; keys are heard inside alone. */
export function keepsFocus(inside: HTMLElement) {
  const changes = new MutationObserver(() => {
    if (document.activeElement === document.body || !document.activeElement) inside.focus({ preventScroll: true });
  });
  changes.observe(inside, { childList: true, subtree: true });
  return () => changes.disconnect();
}

/** What is only read can be scrolled by keys: it takes the focus where nothing in it does. */
export function scrollsByKeys(body: HTMLElement) {
  if (!body.querySelector('a[href], button, input, select, textarea, [tabindex]')) body.tabIndex = 0;
}
