import { bytes } from '../../../model/format.ts'

/** The points of a polyline: newest at the right edge, from the lowest value at the bottom to the highest at the top. */
export function sparkline(
  values: readonly number[],
  { width, height, most }: { width: number; height: number; most: number },
): string {
  const shown = values.slice(-most)
  if (shown.length === 0) return ''
  const low = Math.min(...shown)
  const span = Math.max(...shown) - low
  const stepX = width / Math.max(1, most - 1)
  const y = (value: number) => (span === 0 ? height / 2 : height - 1 - ((value - low) / span) * (height - 2))
  if (shown.length === 1) return `${width - 2},${y(shown[0]!)} ${width},${y(shown[0]!)}`
  return shown
    .map((value, index) => `${round(width - (shown.length - 1 - index) * stepX)},${round(y(value))}`)
    .join(' ')
}

const round = (value: number): number => Math.round(value * 10) / 10

/** `memoryBytes` is “Memory”, `queueDepth` “Queue depth”. */
export function metricName(key: string): string {
  if (key === 'cpu') return 'CPU'
  const words = key
    .replace(/(Bytes|Ms)$/, '')
    .replace(/[_.-]+/g, ' ')
    .replace(/([a-z\d])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`)
  return words === '' ? key : words[0]!.toUpperCase() + words.slice(1)
}

/** The value with the unit that its name ends in. */
export function metricValue(key: string, value: number): string {
  if (/bytes$/i.test(key)) return bytes(value)
  if (/(Ms|[_.]ms)$/.test(key)) return `${number(value)} ms`
  if (/percent$/i.test(key)) return `${number(value)} %`
  return number(value)
}

const number = (value: number): string =>
  value.toLocaleString('en', { maximumFractionDigits: Math.abs(value) >= 100 ? 0 : 2 })
