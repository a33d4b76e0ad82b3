import type { ServerPayloads } from '@fleetwire/protocol'
import t from 'tap'
import type { Principal } from '../../src/auth/principal.ts'
import { Broadcaster } from '../../src/broadcast/broadcaster.ts'
import { FlushScheduler } from '../../src/connections/flush-scheduler.ts'
import type { EventBatch } from '../../src/frames/frame-encoder.ts'
import { draftsOf, OpenMessages } from '../../src/sessions/open-messages.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { FakeSink } from '../helpers/fake-sink.ts'
import { MemoryLog } from '../helpers/memory-log.ts'
import { seededRandom } from '../helpers/random.ts'
import { size } from '../helpers/sizes.ts'

const HISTORIES = size('LATE_JOINERS', { quick: 80, full: 300 })
const viewer: Principal = { sub: 'ann', role: 'viewer', agents: ['*'], expiresAt: 0 }
const settle = async (turns: number) => {
  for (let i = 0; i < turns; i++) await Promise.resolve()
}

/** Builds the text of each message from snapshots and events, like a client. */
class TextSink extends FakeSink {
  readonly texts = new Map<string, string>()

  override deliver(batch: EventBatch): void {
    for (const { event } of batch.events) this.#see(event.type, event.payload as never)
  }

  override send<K extends 'snapshot' | 'resume:done' | 'resync:required' | 'error'>(
    type: K,
    payload: ServerPayloads[K],
  ): void {
    super.send(type, payload)
    for (const { frame, payload } of this.frames.slice(-1)) {
      if (frame === 'snapshot') for (const record of payload.records) this.#see(record.type, record.payload as never)
    }
  }

  #see(type: string, { messageId, text = '', delta }: { messageId: string; text?: string; delta?: string }): void {
    if (type === 'message:start') this.texts.set(messageId, text)
    else if (type === 'message:delta') this.texts.set(messageId, `${this.texts.get(messageId) ?? '?'}${delta}`)
  }
}

/** Messages are written while watchers join. At random, reads are held up and followers lag behind the store. */
async function history(seed: number) {
  const random = seededRandom(seed)
  const log = new MemoryLog()
  const open = new OpenMessages({ log })
  await open.start()
  const broadcaster = new Broadcaster({
    log,
    snapshots: open,
    flusher: new FlushScheduler({ clock: new FakeClock(), flushMs: 0 }),
  })
  broadcaster.start()
  const written = new Map<string, { text: string; isOpen: boolean }>()
  const joined: { sink: TextSink; due: string[]; done: Promise<void> }[] = []
  const pieces = ['a', 'b', 'ü', '😀', '\n', 'long '.repeat(5)]
  let release = () => {}
  for (let step = 0; step < 120; step++) {
    const roll = random.next()
    const messageId = `m${random.below(4)}`
    const of = { agentId: 'a', sessionId: `s${messageId}`, messageId }
    const message = written.get(messageId)
    if (roll < 0.55) {
      if (message === undefined || !message.isOpen) {
        if (message === undefined) {
          log.commit(draftsOf({ type: 'message:start', payload: { ...of, role: 'assistant' } }))
          written.set(messageId, { text: '', isOpen: true })
        }
      } else {
        const delta = random.pick(pieces)
        log.commit(draftsOf({ type: 'message:delta', payload: { ...of, delta } }))
        message.text += delta
      }
    } else if (roll < 0.6) {
      if (message?.isOpen === true && random.next() < 0.3) {
        log.commit(draftsOf({ type: 'message:end', payload: of }))
        message.isOpen = false
      }
    } else if (roll < 0.7) {
      const sink = new TextSink()
      const due = [...written].filter(([, { isOpen }]) => isOpen).map(([id]) => id)
      const done = broadcaster.attach(sink, viewer).subscribe(['agents.*.sessions.>'], true)
      joined.push({ sink, due, done })
    } else if (roll < 0.8) {
      log.lagging = !log.lagging
      if (!log.lagging) log.tell()
    } else if (roll < 0.85) {
      release()
      release = log.hold()
    } else if (roll < 0.9) release()
    else if (roll < 0.95) broadcaster.deal()
    await settle(random.below(6))
  }
  release()
  log.lagging = false
  log.tell()
  await Promise.all(joined.map(({ done }) => done))
  broadcaster.deal()
  return { log, written, joined }
}

t.test('[SB1] [SB4] a client that joins at any point of an answer gets all of it, exactly once', async t => {
  let joins = 0
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const { written, joined } = await history(seed)
    for (const { sink, due } of joined) {
      joins++
      const { texts } = sink
      // A message that ended while the snapshot was taken may be missing from it.
      for (const id of due) {
        if (!texts.has(id) && written.get(id)!.isOpen) t.fail(`seed ${seed}: ${id} is missing`)
      }
      for (const [id, text] of texts) {
        if (text !== written.get(id)!.text) t.equal(text, written.get(id)!.text, `seed ${seed}: ${id}`)
      }
    }
  }
  t.ok(joins > 3 * HISTORIES, `${joins} joins`)
})

t.test('[SB4] [SE14] the same items are open after a restart', async t => {
  for (let seed = 1; seed <= 20; seed++) {
    const { log, written } = await history(seed)
    const open = new OpenMessages({ log })
    await open.start()
    for (const [messageId, { text, isOpen }] of written) {
      const item = open.get('a', `s${messageId}`, `message ${messageId}`)
      t.same(
        item && { text: (item as { text: string }).text },
        isOpen ? { text } : undefined,
        `seed ${seed}: ${messageId}`,
      )
    }
    open.stop()
  }
})
