import { type AgentGroup, type AgentStatus, agentStatuses } from '@fleetwire/react'

/** Groups of statuses. Each status is in exactly one bucket, so the counts add up to the whole fleet. */
export type Bucket = 'needs-you' | 'late' | 'working' | 'idle' | 'offline'

export const bucketStatuses: Readonly<Record<Bucket, readonly AgentStatus[]>> = {
  'needs-you': ['needs-you', 'error', 'stalled'],
  late: ['late'],
  working: ['working', 'starting'],
  idle: ['idle'],
  offline: ['offline'],
}

export const bucketNames: Readonly<Record<Bucket, string>> = {
  'needs-you': 'Needs you',
  late: 'Late',
  working: 'Working',
  idle: 'Idle',
  offline: 'Offline',
}

/** Most urgent first. */
export const buckets = Object.keys(bucketStatuses) as Bucket[]

export const isBucket = (text: string | undefined): text is Bucket =>
  text !== undefined && Object.hasOwn(bucketStatuses, text)

/** The statuses for a value from the address: a bucket, or one status; undefined for all. */
export function statusesOf(text: string | undefined): readonly AgentStatus[] | undefined {
  if (isBucket(text)) return bucketStatuses[text]
  const status = agentStatuses.find(one => one === text)
  return status && [status]
}

const bucketOf = new Map(buckets.flatMap(bucket => bucketStatuses[bucket].map(status => [status as string, bucket])))

/** Merges groups by status into groups by bucket. */
export function bucketGroups(byStatus: readonly AgentGroup[]): { key: Bucket; ids: readonly string[] }[] {
  const ids = new Map<Bucket, readonly string[]>()
  for (const group of byStatus) {
    const bucket = bucketOf.get(group.key)
    if (bucket !== undefined) ids.set(bucket, [...(ids.get(bucket) ?? []), ...group.ids])
  }
  return buckets.filter(bucket => (ids.get(bucket)?.length ?? 0) > 0).map(key => ({ key, ids: ids.get(key)! }))
}

export type BucketCounts = Readonly<Record<Bucket | 'all', number>>

export function bucketCounts(byStatus: readonly AgentGroup[]): BucketCounts {
  const counts: Record<Bucket | 'all', number> = { all: 0, 'needs-you': 0, late: 0, working: 0, idle: 0, offline: 0 }
  for (const { key, ids } of bucketGroups(byStatus)) {
    counts[key] += ids.length
    counts.all += ids.length
  }
  return counts
}
