import t from 'tap'
import { inFull } from '../helpers/sizes.ts'
import { agentsUnderKill } from './active-killed/agents.ts'
import { callersUnderKill } from './active-killed/callers.ts'
import { KilledFleet } from './active-killed/fleet.ts'
import { terminalsUnderKill } from './active-killed/terminals.ts'

t.setTimeout(180_000)

const UNDER_KILL = {
  '[NO8] [NO10] a submission with a key is accepted once through the other nodes': callersUnderKill,
  '[NO20] [NO21] agents of gateways run each command once': agentsUnderKill,
  '[TM24] [TM25] a shell is watched, typed into and resized through any node, and survives its active node':
    terminalsUnderKill,
}

t.test('clients of the other nodes survive when the active node is killed', async t => {
  const fleet = await KilledFleet.start(t, Object.keys(UNDER_KILL).length)
  if (fleet === undefined) return
  t.jobs = Object.keys(UNDER_KILL).length
  for (const [title, test] of Object.entries(UNDER_KILL)) {
    void t.test(title, { buffered: true }, async t => {
      fleet.join(t)
      await test(t, fleet)
    })
  }
})

t.test('[NO8] [NO9] a submission with a key is accepted once when the active node is stopped', inFull, async t => {
  const fleet = await KilledFleet.start(t, 2, 'SIGTERM')
  if (fleet === undefined) return
  const stop = async () => {
    for (let n = 0; n < 2; n++) await fleet.meet()
    fleet.kill()
  }
  await Promise.all([callersUnderKill(t, fleet), stop()])
})
