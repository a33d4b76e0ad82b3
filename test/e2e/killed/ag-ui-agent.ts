import { join } from 'node:path'
import { startAgUiAgent } from '../../helpers/ag-ui-agent.ts'
import { emptyFolder } from '../../helpers/cli.ts'
import { fleetwireHere } from '../../helpers/cli-here.ts'
import type { Killed } from '../../helpers/killed-server.ts'
import { until } from '../../helpers/until.ts'

/** An AG-UI agent whose answer continues while there is no server. */
export const agUiAgent: Killed = async (t, { url, env, call, mint, kill, restart }) => {
  const words = Array.from({ length: 60 }, (_, i) => `word${i} `)
  const upstream = await startAgUiAgent(t, turn => {
    turn.start()
    turn.send({ type: 'TEXT_MESSAGE_START', messageId: 'm1' })
    for (const delta of words.slice(0, 30)) turn.send({ type: 'TEXT_MESSAGE_CONTENT', messageId: 'm1', delta })
  })
  const folder = await emptyFolder(t)
  const args = ['--id', 'ag-ui', '--journal', join(folder, 'journal')]
  const bridge = fleetwireHere(t, ['agent', 'ag-ui', ...args, upstream.url], { env, folder })
  await bridge.printed(/is connected/)
  const person = { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: await mint('of-ag-ui', 'operator') }
  const tail = fleetwireHere(t, ['tail', 'agents.ag-ui.sessions.>'], { env: person, folder })
  await tail.printed(/following/)
  const sent = fleetwireHere(t, ['send', 'ag-ui', '--kind', 'prompt', '--wait', 'tell me'], { env: person, folder })
  await tail.printed(/word29/)
  // The connections of the tail and the sender, which may not be open yet.
  await until(async () => (await call<{ items: unknown[] }>('GET', '/connections?sub=of-ag-ui')).items.length >= 2)
  await kill()
  await bridge.printed(/no connection/)
  const [turn] = upstream.turns
  // Sent while there is no server.
  for (const delta of words.slice(30)) turn!.send({ type: 'TEXT_MESSAGE_CONTENT', messageId: 'm1', delta })
  turn!.send({ type: 'TEXT_MESSAGE_END', messageId: 'm1' })
  turn!.finish()
  await restart()
  const { code, stdout, stderr } = await sent.ended
  t.equal(code, 0, stderr)
  t.equal(stdout.split('\n')[0], words.join(''))
  t.equal(upstream.turns.length, 1, 'one run')
}
