import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import type { FleetEvent, Snapshot } from '../../../src/log/event-log.ts'
import { draftsOf, OpenMessages, stateTopic } from '../../../src/sessions/open-messages.ts'
import { MemoryLog } from '../../helpers/memory-log.ts'

const of = { agentId: 'a', sessionId: 's', messageId: 'm' }
const topic = 'agents.a.sessions.s.messages'
const start = { type: 'message:start', payload: { ...of, role: 'assistant' } } as const
const delta = (delta: string) => ({ type: 'message:delta', payload: { ...of, delta } }) as const
const state = (document: unknown) => ({
  type: 'state:stored',
  topic: stateTopic('a', 's'),
  payload: { agentId: 'a', sessionId: 's', document },
  record: 'set' as const,
})

/** A log whose snapshots resolve when the test decides, and whose followers get what it passes. */
class SlowLog extends MemoryLog {
  #followers = new Set<(events: readonly FleetEvent[]) => void>()
  taken: () => void = () => {}

  override follow(onBatch: (events: readonly FleetEvent[]) => void) {
    this.#followers.add(onBatch)
    return () => this.#followers.delete(onBatch)
  }

  override snapshot(): Promise<Snapshot> {
    return new Promise(resolve => {
      this.taken = () => resolve({ records: [], cursor: this.cursorOf(this.last) })
    })
  }

  last = 0

  /** Delivered, but not stored here. */
  pass(text: string): FleetEvent {
    const seq = ++this.last
    const payload = { ...of, delta: text }
    const cursor = this.cursorOf(seq)
    const event = { seq, cursor, type: 'message:delta', topic, at: seq, json: JSON.stringify(payload), payload }
    for (const follower of this.#followers) follower([event])
    return event
  }
}

t.test('a long snapshot keeps only those of the events in the meantime that it will show', async t => {
  setFlagsFromString('--expose_gc')
  const gc = runInNewContext('gc') as () => void
  const log = new SlowLog()
  const open = new OpenMessages({ log })
  await open.start()
  const taking = open.snapshot(['agents.>'])
  await new Promise(resolve => setImmediate(resolve))
  const events: WeakRef<FleetEvent>[] = []
  for (let i = 0; i < 1000; i++) events.push(new WeakRef(log.pass('x')))
  // A weak reference keeps its target alive until the end of the turn that created it.
  await new Promise(resolve => setImmediate(resolve))
  gc()
  t.ok(events.filter(event => event.deref() !== undefined).length < 10, 'the events are gone')
  log.taken()
  await taking
})

t.test(
  '[SB4] a snapshot ahead of the delivered events waits for them, and may stop in the middle of a batch',
  async t => {
    const log = new MemoryLog()
    const open = new OpenMessages({ log })
    await open.start()
    log.commit([...draftsOf(start), ...draftsOf(delta('one ')), state(1)])
    log.lagging = true
    log.commit([...draftsOf(delta('two ')), state(2)])
    const taking = open.snapshot(['agents.>'])
    await new Promise(resolve => setImmediate(resolve))
    log.commit([...draftsOf(delta('three')), state(3)])
    log.tell()
    const { records, cursor } = await taking
    const stream = records.filter(record => record.topic === topic)
    t.match(stream, [
      { type: 'state:snapshot', payload: { document: 2 } },
      { type: 'message:start', payload: { text: 'one two ' } },
    ])
    t.equal(cursor, log.cursorOf(6))
    t.match(
      (await open.snapshot(['agents.>'])).records.filter(record => record.topic === topic),
      [{ payload: { document: 3 } }, { payload: { text: 'one two three' } }],
    )
  },
)

t.test('commits during the start do not delay a snapshot right after it', async t => {
  const log = new MemoryLog()
  log.commit(draftsOf(start))
  const release = log.hold()
  const open = new OpenMessages({ log })
  const starting = open.start()
  await new Promise(resolve => setImmediate(resolve))
  log.commit(draftsOf(delta('text')))
  release()
  await starting
  const { records } = await open.snapshot(['agents.>'])
  t.match(
    records.filter(record => record.topic === topic),
    [{ payload: { text: 'text' } }],
  )
})
