import { test } from 'tap'
import { startForCli } from '../../helpers/cli.ts'

test('tail prints events and whole lines of output, until Ctrl-C', async t => {
  const { start, run, agent } = await startForCli(t)
  await agent('a1')
  const tail = start(['tail'])
  await tail.printed(/following > at http/)
  await run(['send', 'a1', '--wait', 'printf "one\\ntwo"'])
  await tail.printed(/command:queued +a1 cmd_\w+ "printf/)
  await tail.printed(/a1 \| one\n(.*\n)*a1 \| two\n(.*\n)*.*command:succeeded +a1 cmd_\w+ exit 0/)
  tail.child.kill('SIGINT')
  t.match(await tail.ended, { code: 130 })
})

test('tail --json prints one object per line, of the pattern alone', async t => {
  const { start, run, agent } = await startForCli(t)
  await agent('a1')
  const tail = start(['tail', '--json', '--no-output', 'agents.*.commands.*'])
  await tail.printed(/following/)
  await run(['send', 'a1', '--wait', 'echo one'])
  await tail.printed(/command:succeeded/)
  await tail.kill('SIGTERM')
  const events = (await tail.ended).stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(events.at(-1), { type: 'command:succeeded', topic: /^agents\.a1\.commands\./, cursor: String, at: Number })
  t.ok(events.every(({ topic }) => topic.startsWith('agents.a1.commands.')))
})

test('a reader that goes away ends tail cleanly', async t => {
  const { start, run, agent } = await startForCli(t)
  await agent('a1')
  const tail = start(['tail'])
  await tail.printed(/following/)
  tail.child.stdout?.destroy()
  await run(['send', 'a1', 'echo one'])
  t.match(await tail.ended, { code: 0, stderr: /^fleetwire: following \S+ at \S+\n$/ })
})
