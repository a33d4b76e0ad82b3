import t, { test } from 'tap'
import { startForCli } from '../../helpers/cli.ts'

const { start, startHere, run, agent } = await startForCli(t)
await agent('a1')

test('tail prints events and complete lines of output, until Ctrl-C', async t => {
  const tail = start(['tail'])
  await tail.printed(/following > at http/)
  await run(['send', 'a1', '--wait', 'printf "one\\ntwo"'])
  await tail.printed(/command:queued +a1 cmd_\w+ "printf/)
  await tail.printed(/a1 \| one\n(.*\n)*a1 \| two\n(.*\n)*.*command:succeeded +a1 cmd_\w+ exit 0/)
  tail.child.kill('SIGINT')
  t.match(await tail.ended, { code: 130 })
})

test('tail --json prints one object per line, only for the pattern', async t => {
  const tail = startHere(['tail', '--json', '--no-output', 'agents.*.commands.*'])
  await tail.printed(/following/)
  await run(['send', 'a1', '--wait', 'echo one'])
  await tail.printed(/command:succeeded/)
  const events = (await tail.kill('SIGINT')).stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(events.at(-1), { type: 'command:succeeded', topic: /^agents\.a1\.commands\./, cursor: String, at: Number })
  t.ok(events.every(({ topic }) => topic.startsWith('agents.a1.commands.')))
})

test('tail --json prints the output of commands as frames, byte for byte', async t => {
  const tail = startHere(['tail', '--json'])
  await tail.printed(/following/)
  const sent = await run(['send', 'a1', '--wait', 'printf "one\\n\\303"; sleep 0.2; printf "\\251two"'])
  t.equal(sent.code, 0)
  await tail.printed(/"data":"[^"]*two/)
  const frames = (await tail.kill('SIGINT')).stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const outputs = frames.filter(({ type }) => type === 'terminal:output').map(({ payload }) => payload)
  t.equal(outputs.map(({ data }) => data).join(''), 'one\r\nétwo', 'a character in two parts is joined')
  t.equal(outputs[0].offset, 0)
  const { commandId } = frames.find(({ type }) => type === 'command:queued').payload
  for (const { agentId, terminalId } of outputs)
    t.same({ agentId, terminalId }, { agentId: 'a1', terminalId: commandId })
})

test('the output of a program cannot control the terminal of a follower, but may have colours', async t => {
  const tail = startHere(['tail'])
  await tail.printed(/following/)
  await run([
    'send',
    'a1',
    String.raw`printf '\033]52;c;ZXZpbA==\007\033[31mred\033[0m\033[2J\033[1;1H\rforged\nlast\n'`,
  ])
  await tail.printed(/command:succeeded/)
  const { stdout } = await tail.kill('SIGINT')
  const [red, plain] = ['\u001b[31m', '\u001b[0m']
  const told = `a1 | ${red}red${plain} forged${plain}\na1 | last\n`
  t.ok(stdout.includes(told), JSON.stringify(stdout))
  for (const steers of ['\u001b', '\u0007', '\r']) t.notOk(stdout.replace(told, '').includes(steers))
})

test('tail ends cleanly when its reader goes away', async t => {
  const tail = start(['tail'])
  await tail.printed(/following/)
  tail.child.stdout?.destroy()
  await run(['send', 'a1', 'echo one'])
  t.match(await tail.ended, { code: 0, stderr: /^fleetwire: following \S+ at \S+\n$/ })
})
