import t from 'tap'
import type { Principal } from '../../src/auth/principal.ts'
import { decodeCursor } from '../../src/log/cursor.ts'
import { LiveRecords } from '../../src/log/live-records.ts'
import { ScopedLog } from '../../src/log/scoped-log.ts'
import type { Sent } from '../../src/webhooks/delivery-state.ts'
import { WebhookDeliverer } from '../../src/webhooks/webhook-deliverer.ts'
import { WEBHOOKS, type WebhookRecord } from '../../src/webhooks/webhook-record.ts'
import type { WebhookSender } from '../../src/webhooks/webhook-sender.ts'
import { WebhookService } from '../../src/webhooks/webhook-service.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { FillableLog } from '../helpers/fillable-log.ts'
import { MemoryLog } from '../helpers/memory-log.ts'
import { seededRandom } from '../helpers/random.ts'
import { size } from '../helpers/sizes.ts'

/*
 * Two webhooks over a log. Receivers answer, fail, hang or ask to wait. The server dies before it stores an answer,
 * stops, starts, runs out of disk space and forgets old events. Users edit, test, skip and redeliver. Each seed is one
 * history. To run more: SIM_SEEDS=2000 node dist/test/race/webhook-simulation.test.js
 */
const SEEDS = size('SIM_SEEDS', { quick: 15, full: 300 })
const STEPS = 150
/** Seeds of histories that once failed. */
const KEPT: number[] = []

const HOUR = 3_600_000
t.setTimeout(600_000)

const admin: Principal = { sub: 'ada', role: 'admin', agents: ['*'], expiresAt: Number.POSITIVE_INFINITY }
const manager = { principal: admin }
const seqOf = (cursor: string): number => decodeCursor(cursor)!.seq

interface Message {
  type: string
  cursor: string
  topic: string
  payload: { after: string; resumedAt: string }
}

class Receiver implements WebhookSender {
  /** Deliveries answered with a 2xx, by URL. */
  readonly taken = new Map<string, { id: string; message: Message }[]>()
  readonly seen = new Set<string>()
  readonly #world: World
  isWell = false

  constructor(world: World) {
    this.#world = world
  }

  async send({ url, headers, body }: Parameters<WebhookSender['send']>[0], aborted: AbortSignal): Promise<Sent> {
    const { random, clock } = this.#world
    const sent = { at: clock.now(), durationMs: 1 }
    const take = (): Sent => {
      const taken = this.taken.get(url) ?? []
      this.taken.set(url, taken)
      taken.push({ id: headers['webhook-id']!, message: JSON.parse(body) })
      return { ok: true, ...sent }
    }
    const roll = this.isWell ? 0 : random.next()
    if (roll < 0.6) return take()
    if (roll < 0.75) {
      this.seen.add('failed')
      return { ok: false, error: 'the receiver answered 500', ...sent }
    }
    if (roll < 0.82) return { ok: false, error: 'later', retryAfterMs: random.below(HOUR), ...sent }
    if (roll < 0.9) {
      // The receiver has accepted the delivery, but the server never learns of it.
      this.seen.add('died')
      const answer = take()
      this.#world.die()
      return answer
    }
    this.seen.add('hung')
    return new Promise(resolve => {
      const timer = clock.setTimeout(() => resolve({ ok: false, error: 'no answer', ...sent }), 15_000)
      aborted.addEventListener('abort', () => {
        timer.cancel()
        resolve({ ok: false, error: 'given up', ...sent })
      })
    })
  }

  async urlFlaw(): Promise<undefined> {}
  close(): void {}
}

class World {
  readonly random: ReturnType<typeof seededRandom>
  readonly clock = new FakeClock()
  readonly memory: MemoryLog
  readonly disk: FillableLog
  readonly log: ScopedLog
  readonly receiver: Receiver
  readonly service: WebhookService
  readonly faults: unknown[] = []
  readonly #records: LiveRecords<WebhookRecord>
  readonly #deliverer: WebhookDeliverer
  isUp = false

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.memory = new MemoryLog({ clock: this.clock })
    this.disk = new FillableLog(this.memory)
    this.log = new ScopedLog(this.disk)
    this.receiver = new Receiver(this)
    this.#records = new LiveRecords<WebhookRecord>({
      ...{ log: this.log, kind: WEBHOOKS, where: { status: ['active', 'disabled'] } },
      keyOf: ({ webhookId }) => webhookId,
      isLive: ({ status }) => status !== 'removed',
    })
    const ports = { log: this.log, clock: this.clock, sender: this.receiver, records: this.#records, maxBytes: 65_536 }
    this.service = new WebhookService({ ...ports, maxWebhooks: 10 })
    this.#deliverer = new WebhookDeliverer({
      ...ports,
      ...{ labelsOf: () => undefined, random: () => this.random.next(), concurrency: 2 },
      // Webhooks are never disabled: the test checks that no event is left out.
      disableAfterMs: Number.POSITIVE_INFINITY,
      revocations: { isRevoked: () => false, onRevoked: () => () => {} },
      onFault: error => this.faults.push(error),
      onNote: () => {},
    })
  }

  async start(): Promise<void> {
    if (this.isUp) return
    this.isUp = true
    this.log.open()
    await this.#records.start()
    this.service.start()
    this.#deliverer.start()
  }

  /** Operations in progress no longer reach the log. */
  die(): void {
    this.isUp = false
    void this.log.close()
    this.service.stop()
    this.#deliverer.stop()
    this.#records.stop()
  }
}

/** Lets everything finish that does not wait for time to pass. */
async function settle(): Promise<void> {
  for (let i = 0; i < 12; i++) await new Promise(setImmediate)
}

async function play(seed: number): Promise<Set<string>> {
  const world = new World(seed)
  const { random, clock, memory, disk, receiver, service } = world
  await world.start()
  const urls = ['https://all.example/', 'https://some.example/']
  const ids: string[] = []
  for (const [i, url] of urls.entries()) {
    const topics = i === 0 ? ['tasks.>'] : ['tasks.*.events', 'tasks.t1.>']
    const created = await service.create({ url, topics, events: i === 0 ? [] : ['custom:*'] }, manager)
    if (created.status === 'refused') throw new Error(created.error.message)
    ids.push(created.webhook.webhookId)
  }
  const due: { seq: number; url: string }[] = []
  const from = memory.length
  const happen = () => {
    const topic = random.pick(['tasks.t1.events', 'tasks.t2.events', 'agents.a.log'])
    const type = random.pick(['custom:x', 'custom:y', 'message:delta'])
    const result = memory.commit([{ type, topic, payload: { n: memory.length } }])
    if (result.status !== 'ok' || type === 'message:delta' || topic === 'agents.a.log') return
    for (const url of urls) due.push({ seq: result.events[0]!.seq, url })
  }
  const byHand = async () => {
    const id = random.pick(ids)
    const { page } = (await service.deliveries(id, { limit: 5 }, admin)) as {
      page: { items: { deliveryId: string }[] }
    }
    const entry = page.items[random.below(page.items.length || 1)]
    if (entry === undefined || random.next() < 0.5) void service.test(id, manager)
    else void service.redeliver(id, entry.deliveryId, manager)
  }
  for (let step = 0; step < STEPS; step++) {
    const roll = random.next()
    if (roll < 0.45) for (let i = random.below(4); i >= 0; i--) happen()
    else if (roll < 0.7) clock.advance(random.below(random.pick([1000, 60_000, HOUR])))
    else if (roll < 0.76) world.die()
    else if (roll < 0.84) await world.start()
    else if (roll < 0.88) memory.lagging = !memory.lagging
    else if (roll < 0.9) memory.forget(from + random.below(memory.length - from + 1))
    else if (roll < 0.93) disk.refuses = disk.refused % 2 === 0 ? () => random.next() < 0.5 : () => false
    else if (roll < 0.96) await byHand()
    else if (roll < 0.98) void service.edit(random.pick(ids), { name: `step ${step}` }, manager)
    else void service.edit(random.pick(ids), { skipWaiting: true }, manager)
    if (!memory.lagging) memory.tell()
    if (random.next() < 0.7) await settle()
  }
  disk.refuses = () => false
  memory.lagging = false
  memory.tell()
  receiver.isWell = true
  await settle()
  if (!world.isUp) await world.start()
  for (let i = 0; i < 12; i++) {
    await settle()
    clock.advance(HOUR)
  }
  await settle()
  judge(world, due, urls)
  world.die()
  return receiver.seen
}

/** Throws if a delivery is wrong or missing. */
function judge({ receiver, faults }: World, due: { seq: number; url: string }[], urls: string[]): void {
  if (faults.length > 0) throw faults[0]
  for (const url of urls) {
    const taken = receiver.taken.get(url) ?? []
    const contents = new Map<string, string>()
    const gaps: [after: number, to: number][] = []
    const order: number[] = []
    for (const { id, message } of taken) {
      if (message.type === 'webhook:test') continue
      if (message.type === 'webhook:gap') {
        receiver.seen.add('gap')
        gaps.push([seqOf(message.payload.after), seqOf(message.payload.resumedAt)])
        continue
      }
      const known = contents.get(id)
      if (known === undefined) order.push(seqOf(message.cursor))
      else if (known !== message.cursor) throw new Error(`${id} identifies two events`)
      else receiver.seen.add('twice')
      contents.set(id, message.cursor)
    }
    for (const [i, seq] of order.entries()) {
      if (i > 0 && seq <= order[i - 1]!) throw new Error(`${seq} after ${order[i - 1]}, to ${url}`)
    }
    const had = new Set(order)
    const mine = due.filter(entry => entry.url === url).map(({ seq }) => seq)
    for (const seq of mine) {
      if (!had.has(seq) && !gaps.some(([after, to]) => seq > after && seq <= to)) {
        throw new Error(`${seq} was not sent to ${url}: had ${order.join()}, gaps ${JSON.stringify(gaps)}`)
      }
    }
    const wanted = new Set(mine)
    for (const seq of order) if (!wanted.has(seq)) throw new Error(`${seq} must not go to ${url}`)
  }
}

t.test('[WH1] [WH5] [WH8] whatever happens, no event is left out without notice, and none is out of order', async t => {
  const seen = new Set<string>()
  for (const seed of [...KEPT, ...Array.from({ length: SEEDS }, (_, i) => i)]) {
    try {
      for (const what of await play(seed)) seen.add(what)
    } catch (error) {
      t.fail(`seed ${seed}`, { error })
      break
    }
  }
  for (const what of ['failed', 'died', 'hung', 'gap', 'twice']) t.ok(seen.has(what), `met: ${what}`)
})
