export type Samples = ReadonlyMap<string, number>

/** Parses the samples of Prometheus' text format: `name{label="x"}` → value. */
export function readSamples(text: string): Samples {
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const at = line.lastIndexOf(' ')
    if (line.startsWith('#') || at < 0) continue
    samples.set(line.slice(0, at), Number(line.slice(at + 1)))
  }
  return samples
}

/** The sum over all labels of a name. */
export function total(samples: Samples, name: string): number {
  let sum = 0
  for (const [key, value] of samples) if (key === name || key.startsWith(`${name}{`)) sum += value
  return sum
}

/** The rate of a counter per second between two reads; undefined before the second read and after a restart. */
export function perSecond(
  before: { at: number; samples: Samples } | undefined,
  now: { at: number; samples: Samples },
  name: string,
): number | undefined {
  if (before === undefined || now.at <= before.at) return undefined
  const grown = total(now.samples, name) - total(before.samples, name)
  return grown < 0 ? undefined : (grown * 1000) / (now.at - before.at)
}
