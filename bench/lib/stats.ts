/** Sorts the samples in place. */
export function percentile(samples: number[], fraction: number): number {
  samples.sort((a, b) => a - b)
  return samples[Math.min(samples.length - 1, Math.floor(samples.length * fraction))] ?? Number.NaN
}

export const median = (values: readonly number[]): number => percentile([...values], 0.5)
