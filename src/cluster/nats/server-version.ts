export type ServerVerdict = { status: 'fine' } | { status: 'warned' | 'refused'; reason: string }

/**
 * What is known about versions of nats-server. Before 2.9.21 replicated streams accepted writes whose precondition was
 * false (nats-server#4320), and 2.10.20 to 2.10.22 lost streams when a server crashed (#6888).
 */
export function serverVerdict(version: string): ServerVerdict {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)
  if (match === null) return { status: 'warned', reason: 'its version is not recognized' }
  const [major, minor, patch] = match.slice(1).map(Number) as [number, number, number]
  const number = major * 1e6 + minor * 1e3 + patch
  if (number < 2_010_023) {
    return {
      status: 'refused',
      reason: 'it lacks guarantees that cluster mode relies on; 2.10.23 is the oldest version that has them',
    }
  }
  const isFaulty = number < 2_012_014 || (number >= 2_014_000 && number <= 2_014_003)
  return isFaulty ? { status: 'warned', reason: 'later versions fix replication bugs; use 2.15' } : { status: 'fine' }
}
