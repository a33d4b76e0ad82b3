import { agentStatuses } from '@fleetwire/react'
import t from 'tap'
import { bucketCounts, bucketGroups, bucketStatuses, isBucket, statusesOf } from './buckets.ts'

t.test('every status is in exactly one bucket, so counts add up', async t => {
  t.same(Object.values(bucketStatuses).flat().sort(), [...agentStatuses].sort())
  const groups = agentStatuses.map((key, i) => ({ key, ids: Array.from({ length: i + 1 }, (_, n) => `${key}${n}`) }))
  const { all, ...rest } = bucketCounts(groups)
  t.equal(all, 36)
  t.equal(
    Object.values(rest).reduce((sum, count) => sum + count),
    all,
  )
})

t.test('groups by status are joined, the most urgent first', async t => {
  const groups = bucketGroups([
    { key: 'error', ids: ['b'] },
    { key: 'idle', ids: ['c'] },
    { key: 'needs-you', ids: ['a'] },
  ])
  t.same(groups, [
    { key: 'needs-you', ids: ['b', 'a'] },
    { key: 'idle', ids: ['c'] },
  ])
  t.same(statusesOf('working'), ['working', 'starting'])
  t.same(statusesOf('error'), ['error'])
  t.equal(statusesOf('nonsense'), undefined)
  t.equal(statusesOf(undefined), undefined)
  t.ok(isBucket('working'))
  t.notOk(isBucket('toString'))
  t.notOk(isBucket(undefined))
})
