import { FLW_ERR_CONFIG_INVALID } from '../errors.ts'

/**
 * The configured origins whose pages may call this server, besides its own (`isOwnOrigin`). Used for CORS and for
 * upgrades.
 */
export class Origins {
  readonly #any: boolean
  readonly #allowed: ReadonlySet<string>

  /**
   * Comma-separated origins; `*` for any. Throws FLW_ERR_CONFIG_INVALID for an entry that cannot be a page's origin,
   * since it would look like a permission and have no effect.
   */
  constructor(list: string) {
    const names = list.trim() === '' ? [] : list.split(',').map(name => name.trim())
    this.#any = names.includes('*')
    this.#allowed = new Set(names.filter(name => name !== '*').map(configured))
  }

  allows(origin: string): boolean {
    if (this.#any) return true
    const known = originOf(origin)
    return known !== undefined && this.#allowed.has(known)
  }
}

/** A scheme and an authority, and nothing else. */
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/([^\s/?#@\\*"'<>`]+)$/i

const isWeb = (origin: string): boolean => /^https?:/.test(origin)

/**
 * Normalises an origin to the form that browsers send. For http and https, the default port and upper case do not
 * matter. Origins of apps (`tauri://localhost`) are compared as text, because `URL.origin` is "null" for all of them.
 * Undefined for an origin that no page has.
 */
function originOf(text: string): string | undefined {
  const [, scheme = '', authority = ''] = ORIGIN.exec(text) ?? []
  const origin = `${scheme.toLowerCase()}://${authority}`
  if (scheme === '' || /^(file|wss?|ftp):/.test(origin)) return undefined
  if (!isWeb(origin)) return origin
  return URL.canParse(origin) ? new URL(origin).origin : undefined
}

function configured(entry: string): string {
  const origin = originOf(entry.replace(/\/$/, ''))
  if (origin !== undefined) return origin
  throw new FLW_ERR_CONFIG_INVALID(
    `Configuration: FLEETWIRE_ALLOWED_ORIGINS has the entry "${entry}", which cannot be the origin of a page: ${advice(entry)}`,
  )
}

function advice(entry: string): string {
  if (entry === '') return 'remove the extra comma'
  if (/["'`]/.test(entry)) return 'remove the quotes'
  if (/\s/.test(entry)) return 'separate origins with commas'
  if (entry.includes('*')) return 'write each origin in full, such as https://app.example.org, or * alone for any'
  if (entry === 'null' || /^file:/i.test(entry))
    return 'pages from files and sandboxes have no origin; serve them over http'
  const web = entry.replace(/^ws(?=s?:)/i, 'http').replace(/^(?![a-z][a-z0-9+.-]*:\/\/)/i, defaultScheme(entry))
  const url = URL.canParse(web) ? new URL(web) : undefined
  return url !== undefined && isWeb(web) && url.host !== '' ? `write ${url.origin}` : 'write it as https://app.example'
}

/** The scheme to suggest for an entry without one. */
const defaultScheme = (entry: string): string => (/^(localhost|127\.|\[::1])/.test(entry) ? 'http://' : 'https://')
