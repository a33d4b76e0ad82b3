import t from 'tap'
import type { SubmitRequest } from '../../../src/commands/command-types.ts'
import {
  bodyHash,
  claimDraft,
  IDEMPOTENCY_TTL_MS,
  idempotencyTopic,
  keyState,
} from '../../../src/commands/idempotency.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { openLog } from '../../helpers/log-folder.ts'
import { T0 } from './command-samples.ts'

const request: SubmitRequest = {
  agentId: 'a',
  kind: 'shell',
  input: { b: [1, 2], a: { y: 1, x: null } },
  createdBy: 'ada',
}

t.test('[CQ7] a body is the same whatever the order of its fields and whoever sends it', async t => {
  const same: SubmitRequest[] = [
    { createdBy: 'ada', input: { a: { x: null, y: 1 }, b: [1, 2] }, kind: 'shell', agentId: 'a' },
    { ...request, createdBy: 'grace' },
    { ...request, idempotencyKey: 'k' },
    JSON.parse(JSON.stringify(request)),
  ]
  for (const body of same) t.equal(bodyHash(body), bodyHash(request), JSON.stringify(body))
})

t.test('[CQ8] any other difference makes another body', async t => {
  const other: SubmitRequest[] = [
    { ...request, agentId: 'b' },
    { ...request, kind: 'prompt' },
    { ...request, priority: 0 },
    { ...request, taskId: 't' },
    { ...request, input: { b: [2, 1], a: { y: 1, x: null } } },
    { ...request, input: { b: [1, 2], a: { y: 1 } } },
    { ...request, input: '{"b":[1,2],"a":{"y":1,"x":null}}' },
  ]
  const hashes = new Set([request, ...other].map(bodyHash))
  t.equal(hashes.size, other.length + 1)
})

t.test('[CQ8] a key is one record per agent, whatever its characters', async t => {
  const keys = ['k', 'K', 'k ', 'a.b', '>', '*', '$', 'ä', '\u0000', 'x'.repeat(255)]
  const topics = new Set(keys.flatMap(key => ['a', 'b'].map(agent => idempotencyTopic(agent, key))))
  t.equal(topics.size, keys.length * 2)
  for (const topic of topics) t.match(topic, /^\$idempotency\.[ab]\.[A-Za-z0-9_-]{43}$/)
})

t.test('[CQ7] a key protects its command for 24 hours', async t => {
  const hash = bodyHash(request)
  const claim = claimDraft('$idempotency.a.k', 'cmd_1', hash, T0, 0)
  t.match(claim, { record: 'set', expect: 0, expiresAt: T0 + IDEMPOTENCY_TTL_MS })
  const { topic, type, payload } = claim
  const record = { topic, type, payload, at: T0, version: 7, json: JSON.stringify(payload) }
  t.same(keyState(undefined, hash), { state: 'free', version: 0 })
  t.same(keyState(record, hash), { state: 'used', commandId: 'cmd_1', sameBody: true })
  t.match(keyState(record, bodyHash({ ...request, input: 1 })), { state: 'used', sameBody: false })
})

t.test('[CQ7] a jump of the wall clock frees no key, but 24 elapsed hours do', async t => {
  const clock = new FakeClock()
  const log = await openLog(t, { clock })
  const hash = bodyHash(request)
  const topic = idempotencyTopic('a', 'k')
  await log.append([claimDraft(topic, 'cmd_1', hash, clock.now(), 0)])
  const state = async () => {
    await log.retain()
    return keyState(await log.get(topic), hash).state
  }
  clock.jump(40 * IDEMPOTENCY_TTL_MS)
  t.equal(await state(), 'used')
  clock.jump(-40 * IDEMPOTENCY_TTL_MS)
  t.equal(await state(), 'used')
  clock.advance(IDEMPOTENCY_TTL_MS - 1)
  t.equal(await state(), 'used')
  clock.advance(1)
  t.equal(await state(), 'free')
})
