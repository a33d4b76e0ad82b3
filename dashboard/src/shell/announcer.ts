const DEBOUNCE_MS = 1000

let polite: HTMLElement | undefined
let assertive: HTMLElement | undefined
let timer: ReturnType<typeof setTimeout> | undefined

const region = (politeness: 'polite' | 'assertive'): HTMLElement => {
  const element = document.createElement('div')
  element.className = 'sr-only'
  element.setAttribute('aria-live', politeness)
  document.body.append(element)
  return element
}

/**
 * Tells screen readers. Polite words come at most once a second, the last ones stand: say totals, not changes.
 * `now` interrupts, and is for what needs a person alone.
 */
export function announce(text: string, { now = false } = {}): void {
  polite ??= region('polite')
  assertive ??= region('assertive')
  if (now) {
    assertive.textContent = text
    return
  }
  clearTimeout(timer)
  timer = setTimeout(() => {
    polite!.textContent = text
  }, DEBOUNCE_MS)
}
