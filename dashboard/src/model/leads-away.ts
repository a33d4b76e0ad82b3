/**
 * Whether the link of an agent or program may be one: only to elsewhere, since one into these pages may log its reader in
 * as somebody else.
 */
export function leadsAway(href: string): boolean {
  if (!/^(https?:|mailto:)/i.test(href)) return false
  return URL.canParse(href) && new URL(href).origin !== location.origin
}
