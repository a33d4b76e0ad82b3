import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { ScriptedServer, welcomeAgent } from '../testing/scripted-server.ts'

const program = fileURLToPath(new URL('../testing/agent-process.js', import.meta.url))

function launch(t: Test, server: ScriptedServer, folder: string): ChildProcess {
  const child = spawn(process.execPath, [program, server.url, folder], { stdio: ['ignore', 'ignore', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

const dispatch = (commandId: string, attempt: number, input: string, over: object = {}) =>
  ({ commandId, attempt, kind: 'shell', input, runTimeoutMs: 0, ...over }) as const

t.test('an agent killed with -9 reports what its journal can prove, and runs nothing twice', async t => {
  const folder = t.testdir()
  const server = await ScriptedServer.listen(t)
  const first = launch(t, server, folder)
  const { peer, hello } = await welcomeAgent(server)
  peer.tell('command:dispatch', dispatch('stored', 1, 'quick'))
  await peer.next('command:result')
  peer.tell('report:ack', { n: 3 })
  peer.tell('command:dispatch', dispatch('unstored', 1, 'quick'))
  await peer.next('command:result')
  peer.tell('command:dispatch', dispatch('running', 1, 'wait'))
  for (const _ of ['stored', 'unstored', 'running']) await peer.next('command:progress')
  peer.tell('command:dispatch', dispatch('here', 1, 'ask'))
  await peer.next('interaction:request')
  peer.tell('interaction:answer', { interactionId: 'int_here', optionId: 'yes' })
  await peer.next('command:result')
  peer.tell('command:dispatch', dispatch('there', 1, 'asked there'))
  await peer.next('command:result')
  await kill(first)

  const second = launch(t, server, folder)
  const { peer: again, hello: anew } = await welcomeAgent(server)
  t.not(anew.payload.bootId, hello.payload.bootId)
  t.same(
    anew.payload.inventory,
    ['stored', 'unstored', 'here', 'there'].map(commandId => ({ commandId, attempt: 1, state: 'finished' })),
  )
  t.match(await again.next('command:result'), { n: 1, payload: { commandId: 'unstored', attempt: 1, output: 1 } })
  for (const _ of ['here', 'there']) await again.next('command:result')
  const saidOf = (id: string) =>
    again.log
      .filter(({ payload }) => payload.commandId === id || payload.interactionId === `int_${id}`)
      .map(({ type, payload }) => [type, payload.optionId ?? payload.status])
  const succeeded = ['command:result', 'succeeded']
  t.same(saidOf('here'), [['interaction:applied', undefined], succeeded], 'first how its question ended')
  t.same(saidOf('there'), [['interaction:resolved', 'yes'], succeeded])

  again.tell('command:dispatch', dispatch('unstored', 2, 'quick'))
  t.match(await again.next('command:result'), { payload: { commandId: 'unstored', attempt: 2, output: 1 } })
  again.tell('command:dispatch', dispatch('running', 2, 'wait'))
  const lost = { status: 'failed', error: { code: 'agent_restarted' } }
  t.match(await again.next('command:result'), { payload: { commandId: 'running', attempt: 2, ...lost } })
  again.tell('command:dispatch', dispatch('running', 3, 'quick', { rerun: true }))
  t.match(await again.next('command:result'), { payload: { commandId: 'running', attempt: 3, output: 3 } })
  const runs = (await readFile(join(folder, 'runs'), 'utf8')).trim().split('\n')
  t.same(runs, ['stored', 'unstored', 'running', 'here', 'there', 'running'])
  await kill(second)
})
