import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from '@fleetwire/protocol'
import { fleetwireHere } from '../../helpers/cli-here.ts'
import { step } from '../../helpers/github-step.ts'
import type { Killed } from '../../helpers/killed-server.ts'
import { until } from '../../helpers/until.ts'

/** A step of a workflow that waits for its command. */
export const githubStep: Killed = async (t, { url, env, call, mint, kill, restart }) => {
  t.testdir({})
  const journal = join(t.testdirName, 'journal')
  const agent = fleetwireHere(t, ['agent', 'exec', '--id', 'builder', '--journal', journal], {
    env,
    folder: t.testdirName,
  })
  await agent.printed(/is connected/)
  const go = join(t.testdirName, 'go')
  const sent = step(t, 1, {
    ...{ server: url, token: await mint('workflow', 'operator'), agent: 'builder' },
    input: `until [ -e '${go}' ]; do sleep 0.1; done; echo whole`,
  })
  await until(async () => {
    const { items } = await call<{ items: Command[] }>('GET', '/commands?agentId=builder&status=running')
    return items.length > 0
  })
  await kill()
  await sent.running.printed(/retrying/)
  writeFileSync(go, '')
  await restart()
  t.match(await sent.ended, { code: 0 })
  t.match(sent.outputs(), { status: 'succeeded', output: /^whole/ })
}
