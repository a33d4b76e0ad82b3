import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { emptyFolder } from '../../helpers/cli.ts'
import { fleetwireHere } from '../../helpers/cli-here.ts'
import type { Killed } from '../../helpers/killed-server.ts'
import { fleetwire } from '../../helpers/processes.ts'

/** `send --wait` and `tail` for a command that prints continuously. */
export const commandLine: Killed = async (t, { kill, restart, env }) => {
  const folder = await emptyFolder(t)
  const journal = ['--journal', join(folder, 'journal')]
  const agent = fleetwireHere(t, ['agent', 'exec', '--id', 'exec', ...journal], { env, folder })
  await agent.printed(/is connected/)
  const tail = fleetwireHere(t, ['tail', 'agents.exec.commands.*'], { env, folder })
  await tail.printed(/following/)
  const [go, count] = ['go', 'count'].map(name => join(folder, name)) as [string, string]
  const line = 'i=$((i + 1)); echo line $i; sleep 0.03'
  const input = `i=0; until [ -e ${go} ]; do ${line}; done; for more in $(seq 30); do ${line}; done; echo $i > ${count}; exit 7`
  // In its own process, because its output bypasses `process.stdout` when it goes to a pipe.
  const send = () => fleetwire(t, ['send', 'exec', '--wait', input], env, folder)
  let sent: ReturnType<typeof send> | undefined
  await kill(async () => {
    sent = send()
    await sent.printed(/line 20\n/)
  })
  await sent!.printed(/trying again/)
  writeFileSync(go, '')
  await restart()
  const { code, stdout, stderr } = await sent!.ended
  const lines = Array.from({ length: Number(readFileSync(count, 'utf8')) }, (_, i) => `line ${i + 1}`)
  t.ok(lines.length >= 50)
  t.same(stdout.trimEnd().split('\n'), lines, stderr)
  t.equal(code, 7)
  await tail.printed(/command:failed/)
  const told = (await tail.kill('SIGINT')).stdout.split('\n')
  t.same(
    told.filter(text => text.startsWith('exec | ')),
    lines.map(text => `exec | ${text}`),
  )
  for (const type of ['queued', 'running', 'failed'])
    t.equal(told.filter(text => text.includes(`command:${type} `)).length, 1, `command:${type} once`)
}
