import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command, Interaction } from '@fleetwire/protocol'
import { realFolder, testAgent } from '../../helpers/acp.ts'
import { fleetwireHere } from '../../helpers/cli-here.ts'
import type { Killed } from '../../helpers/killed-server.ts'
import { size } from '../../helpers/sizes.ts'
import { until } from '../../helpers/until.ts'

const PIECES = size('ACP_PIECES', { quick: 20, full: 120 })
/**
 * The second kill happens while the agent asks. In a quick run `interaction` covers that, with an agent without ACP.
 */
const KILLS = size('ACP_KILLS', { quick: 1, full: 2 })

/** An ACP agent that reports continuously and later asks. */
export const acpAgent: Killed = async (t, { call, persist, kill, restart, env }) => {
  const folder = await realFolder(t)
  const args = ['--id', 'acp', '--root', folder, '--journal', join(folder, 'journal')]
  const agent = fleetwireHere(t, ['agent', 'acp', ...args, '--', process.execPath, testAgent], { env, folder })
  await agent.printed(/is connected/)
  const text = async () => {
    const { items } = await call<{ items: { role?: string; text: string }[] }>('GET', '/sessions/acp/messages')
    return items
      .filter(({ role }) => role === 'assistant')
      .map(item => item.text)
      .join('')
  }
  const go = join(folder, 'go')
  const more = Array.from({ length: PIECES }, (_, i) => `${i}.`)
  const input = [`until ${go}`, 'ask Go on?', ...more.map(piece => `slowly ${piece}`)].join('\n')
  let commandId = ''
  await kill(async () => {
    const prompt = { kind: 'prompt', input, sessionId: 'acp' }
    commandId = (await call<Command>('POST', '/agents/acp/commands', prompt)).commandId
    await until(async () => (await text().catch(() => '')).includes('20.'))
  })
  await agent.printed(/no connection/)
  await restart()
  await writeFile(go, '')
  const asked = await until(async () => {
    const open = '/interactions?state=open&agentId=acp'
    return (await persist<{ items: Interaction[] }>('GET', open)).items[0]
  })
  if (KILLS > 1) {
    await kill()
    await restart()
  }
  await persist('POST', `/interactions/${asked.interactionId}/respond`, { optionId: 'no' })
  const ended = await until(async () => {
    const command = await persist<Command>('GET', `/commands/${commandId}`)
    return command.endedAt !== undefined && command
  })
  t.match(ended, { status: 'succeeded', attempt: 1 })
  const whole = await text()
  const [, count] = /(\d+) in all/.exec(whole) ?? []
  const counted = Array.from({ length: Number(count) }, (_, i) => `${i}.`).join('')
  t.equal(whole, `${counted} ${count} in all; chosen: no${more.join('')}`, 'nothing is lost or duplicated')
  t.match(await call('GET', `/interactions/${asked.interactionId}`), { state: 'resolved', delivery: 'applied' })
}
