import { createServer } from 'node:net'
import t from 'tap'
import { isInstalled } from '../../helpers/programs.ts'
import { start } from '../../helpers/shell-command.ts'

const linux = process.platform === 'linux' ? {} : { skip: 'only Linux shows which process waits' }
const node = JSON.stringify(process.execPath)
t.test('a program that waits for somebody to type is reported, until it continues', linux, async t => {
  const asks =
    'require("readline").createInterface(process.stdin, process.stdout).question("name? ", () => process.exit())'
  // The event loop wakes itself through a socket pair, as those of ipython and many agents do.
  const loop = 'import asyncio; loop = asyncio.new_event_loop(); loop.add_reader(0, lambda: None); loop.run_forever()'
  const cases: [line: string, name: string, needs?: string][] = [
    ['cat', 'cat'],
    ['sh -c "cat | grep x"; true', 'cat'],
    ['cat | (cat >/dev/null)', 'cat'],
    ['cat </dev/tty', 'cat'],
    ['read answer', 'sh'],
    ['printf "Password: "; stty -echo; read answer; stty echo', 'sh'],
    ['stty raw -echo; head -c 1', 'head'],
    ['bash -c "read -p \\"sure? \\" -n 1 answer"', 'bash', 'bash'],
    [`${node} -e '${asks}'`, 'node'],
    [`${node} -i`, 'node'],
    ['python3 -c "input()"', 'python3', 'python3'],
    ['python3 -i -c 1', 'python3', 'python3'],
    ['python3 -c "import select; select.select([0], [], [])"', 'python3', 'python3'],
    ['python3 -c "import select; p = select.poll(); p.register(0, select.POLLIN); p.poll()"', 'python3', 'python3'],
    [`python3 -c '${loop}'`, 'python3', 'python3'],
    ['less /etc/passwd', 'less', 'less'],
    ['vi', 'vi', 'vi'],
    ['script -qc cat /dev/null', 'cat', 'script'],
  ]
  const wait = async ([line, name]: (typeof cases)[number]) => {
    const command = start(line, { shell: '/bin/sh' })
    await command.waited(`${name} waits for input`)
    command.interrupt.abort()
    command.force.abort()
    await command.outcome
    t.pass(line)
  }
  const possible = cases.filter(([, , needs]) => needs === undefined || isInstalled(t, needs))
  await Promise.all(possible.map(wait))
})

t.test('typed input ends the wait, and the command continues with it', linux, async t => {
  const command = start('read answer; sleep 1; echo "got $answer"')
  await command.waited('sh waits for input')
  command.terminal().onInput?.('yes\r')
  await command.waited(false)
  t.match(await command.outcome, { status: 'succeeded', output: /got yes/, detail: undefined })
  t.same(command.waits, ['sh waits for input', false])
})

t.test('a program that also waits for something else is not reported as waiting for its terminal', linux, async t => {
  const server = createServer(() => {}).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const lines = [
    'sleep 3',
    'sleep 3 | cat',
    'cat </dev/null; sleep 3',
    'i=0; while [ $i -lt 30 ]; do echo $i; sleep 0.1; i=$((i+1)); done',
    'sh -c "kill -STOP \\$\\$" & sleep 3',
    // It reads keys, and serves others in the meantime.
    `timeout --foreground 3 ${node} -e 'process.stdin.resume(); require("net").connect(${port}, "127.0.0.1")'`,
    `timeout --foreground 3 ${node} -e 'process.stdin.resume(); require("child_process").spawn("sleep", ["60"])'`,
  ]
  const commands = lines.map(line => start(line, { hangupMs: 50 }))
  for (const [i, command] of commands.entries()) {
    await command.outcome
    t.same(command.waits, [], `${lines[i]}`)
  }
})
