/**
 * Runs `draw`; each `<style>` element that it makes becomes a sheet that the document adopts, since the page's
 * Content-Security-Policy refuses style elements. Texts that such an element is given later go to its sheet too. Returns
 * a function that removes the sheets.
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
    // The prototype's own one is seen again.
    Reflect.deleteProperty(document, 'createElement')
  }
  return () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter(sheet => !sheets.includes(sheet))
  }
}

/**
 * Lets `setAttribute('style', …)` of spans go the way of `element.style`, which the policy allows: the terminal's DOM
 * renderer sets colours so, inverse ones among them. To everybody else it is the same.
 */
export function allowSpanStyles(): void {
  HTMLSpanElement.prototype.setAttribute = function (name: string, value: string) {
    if (name === 'style') this.style.cssText = value
    else Element.prototype.setAttribute.call(this, name, value)
  }
}
