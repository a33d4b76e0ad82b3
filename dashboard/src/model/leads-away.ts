/**
 * Whether a link from an agent or program may be clickable. Only links to other sites are: one into these pages could
 * log the reader in as somebody else.
 */
export function leadsAway(href: string): boolean {
  if (!/^(https?:|mailto:)/i.test(href)) return false
  return URL.canParse(href) && new URL(href).origin !== location.origin
}
