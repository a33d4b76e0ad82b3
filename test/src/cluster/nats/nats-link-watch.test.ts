import t from 'tap'
import type { Beat } from '../../../../src/cluster/beats.ts'
import { watchLink } from '../../../../src/cluster/nats/nats-link-watch.ts'
import { FakeClock } from '../../../helpers/fake-clock.ts'

/** A link whose server accepts everything, and returns what the test decides. */
function silentLink() {
  const clock = new FakeClock()
  const listeners = new Set<(beat: Beat) => void>()
  const link = { isClosed: () => false, moves: 0, reconnect: async () => void link.moves++ }
  const beats = {
    send: () => {},
    listen: (listener: (beat: Beat) => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  const stop = watchLink(link, 'own', beats, clock)
  const hear = (node = 'own') => {
    const rest = { address: '', key: '', position: 1, term: 1, isActive: false, isServing: false, isLeaving: false }
    for (const listener of listeners) listener({ node, ...rest })
  }
  return { clock, link, hear, stop, listeners }
}

t.test('a server that delivers nothing is left after 3 s, and so is the next one after 3 s more', async t => {
  const { clock, link, hear, stop, listeners } = silentLink()
  for (let s = 0; s < 10; s++) {
    hear()
    clock.advance(1000)
  }
  t.equal(link.moves, 0, 'its own beats return')
  hear()
  clock.advance(2900)
  hear('another')
  t.equal(link.moves, 0)
  clock.advance(600)
  t.equal(link.moves, 1, 'beats of other nodes do not count')
  clock.advance(3500)
  t.equal(link.moves, 2)
  hear()
  clock.advance(2000)
  t.equal(link.moves, 2, 'the next server delivers them')
  stop()
  clock.advance(60_000)
  t.equal(link.moves, 2)
  t.equal(listeners.size + clock.pending, 0)
})

t.test('a node that has not started to beat, was suspended itself, or has closed leaves no server', async t => {
  const { clock, link, hear } = silentLink()
  clock.advance(20_000)
  t.equal(link.moves, 0, 'it has not started')
  hear()
  clock.stall(10_000)
  t.equal(link.moves, 0, 'beats missed while it was suspended do not count')
  clock.advance(1000)
  hear()
  link.isClosed = () => true
  clock.advance(10_000)
  t.equal(link.moves, 0, 'closed')
})
