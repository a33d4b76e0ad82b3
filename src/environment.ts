const PREFIX = 'FLEETWIRE_'

/** The variables that the command line and the agent read, besides the settings of the server. */
export const clientVariables = [
  'URL',
  'TOKEN',
  'TOKEN_FILE',
  'TOKEN_COMMAND',
  'RUN_TIMEOUT',
  'COMMAND_ID',
  'REPORT',
] as const

export interface Environment {
  /** Values by setting, trimmed: files and secret stores leave a line break at the end. */
  readonly settings: Readonly<Record<string, string>>
  /** For the log: variables that have the prefix but are unknown. Never shows a value, which may be a secret. */
  readonly warnings: readonly string[]
}

/** The items of a list setting: an array, a JSON array, or comma-separated text. */
export function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (typeof value !== 'string') return value ?? []
  try {
    const items: unknown = JSON.parse(value)
    if (Array.isArray(items)) return items
  } catch {
    // Not JSON, so it is comma-separated text.
  }
  return value.split(',').map(item => item.trim())
}

/** Reads the variables that have the prefix. `known`: the names of the settings. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>, known: string[]): Environment {
  const settings: Record<string, string> = {}
  const links: string[] = []
  const unknown: string[] = []
  for (const [variable, text = ''] of Object.entries(env)) {
    const value = text.trim()
    if (!variable.startsWith(PREFIX) || value === '') continue
    const name = variable.slice(PREFIX.length)
    if (isServiceLink(name, value)) links.push(variable)
    else if (known.includes(name)) settings[name] = value
    else if (!(clientVariables as readonly string[]).includes(name)) unknown.push(name)
  }
  const warnings = unknown.map(name => `${PREFIX}${name} is not a setting; ${hint(name, known)}`)
  if (links.length > 0) {
    warnings.push(
      `${links.sort().join(', ')}: ignored as links to a Service or container of that name; enableServiceLinks: false in the Pod prevents them`,
    )
  }
  return { settings, warnings }
}

/**
 * Kubernetes adds variables for every Service to every Pod, and Docker for linked containers: a Service named
 * `fleetwire` becomes FLEETWIRE_PORT=tcp://10.0.0.1:3000, FLEETWIRE_SERVICE_HOST and more, one named `fleetwire-ui`
 * becomes FLEETWIRE_UI_PORT.
 */
function isServiceLink(name: string, value: string): boolean {
  return (
    /^(\w+_)?PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name) ||
    /^(\w+_)?SERVICE_(HOST|PORT(_\w+)?)$/.test(name) ||
    (/^(\w+_)?PORT$/.test(name) && /^(tcp|udp|sctp):\/\//.test(value))
  )
}

function hint(name: string, known: string[]): string {
  const names = [...known, ...clientVariables]
  const byDistance = names.map(other => ({ other, distance: editDistance(name, other) }))
  const nearest = byDistance.reduce((best, each) => (each.distance < best.distance ? each : best))
  const found =
    nearest.distance <= Math.max(2, name.length * 0.4)
      ? nearest.other
      : names.find(other => name.length > 3 && (other.includes(name) || name.includes(`${other}_`)))
  return found === undefined ? 'see docs/configuration.md' : `did you mean ${PREFIX}${found}?`
}

/** Levenshtein: https://en.wikipedia.org/wiki/Levenshtein_distance */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length]!
}
