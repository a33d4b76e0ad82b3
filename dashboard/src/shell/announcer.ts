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
 * Announces a text to screen readers. Polite texts are debounced and only the last is read: announce totals, not
 * changes. `now` interrupts: only for what needs a person.
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
