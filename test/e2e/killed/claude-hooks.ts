import type { Agent, Command, Interaction } from '@fleetwire/protocol'
import { run } from '../../helpers/cli.ts'
import { fakeClaude } from '../../helpers/fake-claude.ts'
import type { Killed } from '../../helpers/killed-server.ts'
import { fleetwire } from '../../helpers/processes.ts'
import { until } from '../../helpers/until.ts'

/** A wrapped program whose hook waits for a permission. */
export const claudeHook: Killed = async (t, { call, persist, kill, restart, env }) => {
  const settings = await run(t, ['hooks', 'claude-code'])
  const folder = t.testdir({ 'claude.mjs': fakeClaude, 'settings.json': settings.stdout })
  const wrap = fleetwire(
    t,
    ['agent', 'wrap', '--id', 'claude', '--cwd', folder, '--', process.execPath, 'claude.mjs', 'settings.json'],
    { ...env, HOME: folder },
  )
  await until(async () => (await call<Agent>('GET', '/agents/claude').catch(() => undefined))?.evidence === 'reported')
  const command = await call<Command>('POST', '/agents/claude/commands', { kind: 'prompt', input: 'make' })
  const all = () => persist<{ items: Interaction[] }>('GET', '/interactions?agentId=claude')
  const question = await until(async () => (await all()).items[0])

  await kill()
  await restart()
  await persist('POST', `/interactions/${question.interactionId}/respond`, { optionId: 'allow' })
  const ended = await until(async () => {
    const now = await persist<Command>('GET', `/commands/${command.commandId}`)
    return now.endedAt !== undefined && now
  })
  t.match(ended, { status: 'succeeded', output: 'I have answered: make' })
  const { items } = await all()
  t.match(items, [{ interactionId: question.interactionId, state: 'resolved', delivery: 'applied' }])
  await wrap.kill('SIGTERM')
}
