import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/clock.ts'
import { type Driver, loadDriver } from '../src/log/sqlite-driver.ts'
import { openSqliteLog } from '../src/log/sqlite-log.ts'
import { Neighbours } from './lib/machine.ts'
import { count, heading, ms, sharedMachine, table, times } from './lib/report.ts'
import { median, percentile } from './lib/stats.ts'

/**
 * What the log adds to the cost of its driver, compared with bare loops.
 * Usage: node dist/bench/log-append.js [seconds per point, 1] [rounds, 3]
 */

const seconds = Number(process.argv[2] ?? 1)
const rounds = Number(process.argv[3] ?? 3)
const PAYLOAD = { text: 'x'.repeat(407) }

interface Point {
  perSecond: number
  p50: number
  p99: number
}

type Append = (n: number) => Promise<void>
type Way = (driver: Driver, dir: string, callers: number) => Promise<Point>

/** Runs `callers` loops of sequential appends, after a warm-up of a fifth of the time; latencies in ms. */
async function measure(append: Append, callers: number): Promise<Point> {
  let n = 0
  const all = async (ms: number) => {
    const latencies: number[] = []
    const begin = performance.now()
    const loop = async () => {
      for (let start = performance.now(); start < begin + ms; start = performance.now()) {
        await append(n++)
        latencies.push(performance.now() - start)
      }
    }
    await Promise.all(Array.from({ length: callers }, loop))
    return { latencies, elapsedMs: performance.now() - begin }
  }
  await all(seconds * 200)
  const { latencies, elapsedMs } = await all(seconds * 1000)
  return {
    perSecond: (latencies.length / elapsedMs) * 1000,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  }
}

function bareTable(driver: Driver, dir: string) {
  const db = driver.open(join(dir, 'bare.db'))
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;
    CREATE TABLE events (seq INTEGER PRIMARY KEY, topic INTEGER, type TEXT, at INTEGER, payload TEXT);
    CREATE INDEX events_topic ON events (topic)`)
  const insert = db.prepare('INSERT INTO events (topic, type, at, payload) VALUES (?, ?, ?, ?)')
  const put = (n: number) => insert.run(n % 100, 'custom:note', Date.now(), JSON.stringify(PAYLOAD))
  return { db, put }
}

const row: Way = async (driver, dir, callers) => {
  const { db, put } = bareTable(driver, dir)
  const point = await measure(async n => void put(n), callers)
  db.close()
  return point
}

const turn: Way = async (driver, dir, callers) => {
  const { db, put } = bareTable(driver, dir)
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  let waiting: { n: number; done: () => void }[] = []
  const flush = () => {
    const batch = waiting
    waiting = []
    begin.run()
    for (const { n } of batch) put(n)
    commit.run()
    for (const { done } of batch) done()
  }
  const append: Append = n =>
    new Promise(done => {
      if (waiting.length === 0) setImmediate(flush)
      waiting.push({ n, done })
    })
  const point = await measure(append, callers)
  db.close()
  return point
}

const log: Way = async (_driver, dir, callers) => {
  const eventLog = await openSqliteLog({ dir, clock: systemClock, retention: { count: 1e9, ms: 1e12 } })
  let told = 0
  let accepted = 0
  eventLog.follow(events => {
    told += events.length
  })
  const append: Append = async n => {
    const draft = { type: 'custom:note', topic: `agents.a${n % 100}.log`, payload: PAYLOAD }
    const result = await eventLog.append([draft])
    if (result.status !== 'ok') throw new Error(result.status)
    accepted++
  }
  const point = await measure(append, callers)
  await eventLog.close()
  if (told !== accepted) throw new Error(`${accepted} accepted, ${told} told`)
  return point
}

const driver = await loadDriver()
heading('Appends to the embedded log', [
  '418-byte events over 100 topics; each caller appends the next when the last is on disk (WAL, synchronous=FULL).',
  'one row: a bare loop on the main thread, one row per transaction, one index; what a single caller can do.',
  'one turn: the same, with all rows of one turn of the event loop in one transaction.',
  'log: EventLog.append, in its worker; with one more index, names by id, the head, events passed to a follower.',
  `Driver: ${driver.name}. ${rounds} rounds of ${seconds} s per method, in turn; medians of the rounds. Nothing is pinned.`,
])
const neighbours = new Neighbours([])
const rows: string[][] = []
for (const callers of [1, 64, 1000]) {
  const ways: Record<string, Way> =
    callers === 1 ? { 'one row': row, 'one turn': turn, log } : { 'one turn': turn, log }
  const points = Object.fromEntries(Object.keys(ways).map(name => [name, [] as Point[]]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const dir = mkdtempSync(join(tmpdir(), 'fleetwire-bench-'))
      points[name]!.push(await way(driver, dir, callers))
      rmSync(dir, { recursive: true })
    }
  }
  const of = (name: string, key: keyof Point) => median(points[name]!.map(point => point[key]))
  for (const name of Object.keys(ways)) {
    const ratio = name === 'log' ? '' : times(of('log', 'perSecond') / of(name, 'perSecond'))
    rows.push([
      `${callers} callers, ${name}`,
      count(of(name, 'perSecond')),
      ms(of(name, 'p50')),
      ms(of(name, 'p99')),
      ratio,
    ])
  }
}
table(['', 'appends/s', 'p50 ms', 'p99 ms', 'log against it'], rows)
sharedMachine(neighbours.cores())
