type Kind = 'text' | 'flag' | 'texts' | 'map of texts' | 'map of numbers'

const isMap = (value: unknown, type: string): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every(one => typeof one === type)

const is: Record<Kind, (value: unknown) => boolean> = {
  text: value => typeof value === 'string',
  flag: value => typeof value === 'boolean',
  texts: value => Array.isArray(value) && value.every(one => typeof one === 'string'),
  'map of texts': value => isMap(value, 'string'),
  'map of numbers': value => isMap(value, 'number'),
}

/**
 * The stored values that can be used. They may come from another version, another program or a person: a value of the
 * wrong kind would break the page at every start.
 */
export function usable(kept: unknown, kinds: Readonly<Record<string, Kind | readonly string[]>>): object {
  if (typeof kept !== 'object' || kept === null) return {}
  return Object.fromEntries(
    Object.entries(kept).filter(([key, value]) => {
      const kind = Object.hasOwn(kinds, key) ? kinds[key] : undefined
      return typeof kind === 'string' ? is[kind](value) : (kind?.includes(value as string) ?? false)
    }),
  )
}
