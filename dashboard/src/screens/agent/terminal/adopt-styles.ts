/**
 * Runs `draw`. Each `<style>` element that it creates becomes a style sheet that the document adopts, since the page's
 * Content-Security-Policy refuses style elements. Text set on such an element later goes to its sheet too. Returns a
 * function that removes the sheets.
 */
export function withAdoptedStyles(draw: () => void): () => void {
  const sheets: CSSStyleSheet[] = []
  const create = Document.prototype.createElement
  const adopt = (): HTMLElement => {
    const sheet = new CSSStyleSheet()
    sheets.push(sheet)
    document.adoptedStyleSheets.push(sheet)
    const inert = create.call(document, 'span')
    inert.hidden = true
    Object.defineProperty(inert, 'textContent', { set: (css: string) => sheet.replaceSync(css) })
    return inert
  }
  document.createElement = ((name: string, options?: ElementCreationOptions) =>
    name.toLowerCase() === 'style' ? adopt() : create.call(document, name, options)) as typeof document.createElement
  try {
    draw()
  } finally {
    // Uncovers the prototype's method again.
    Reflect.deleteProperty(document, 'createElement')
  }
  return () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter(sheet => !sheets.includes(sheet))
  }
}

/**
 * Routes `setAttribute('style', …)` of spans through `element.style`, which the policy allows: the terminal's DOM
 * renderer sets colours that way, including inverse ones. Other callers notice no difference.
 */
export function allowSpanStyles(): void {
  HTMLSpanElement.prototype.setAttribute = function (name: string, value: string) {
    if (name === 'style') this.style.cssText = value
    else Element.prototype.setAttribute.call(this, name, value)
  }
}
