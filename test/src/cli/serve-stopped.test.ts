import { test } from 'tap'
import { emptyFolder } from '../../helpers/cli.ts'
import { fleetwire } from '../../helpers/processes.ts'
import { size } from '../../helpers/sizes.ts'

const STARTS = size('STARTS', { quick: 2, full: 20 })

test('a server that is told to end as soon as it listens finishes what it says, and ends without a complaint', async t => {
  for (let i = 0; i < STARTS; i++) {
    const args = i % 2 === 0 ? [] : ['--local-agent']
    const server = fleetwire(t, ['serve', '--port', '0', ...args], {}, await emptyFolder(t))
    // The first is of the log, before the server says anything to people.
    const isEarly = i % 3 === 0
    await server.printed(isEarly ? /Server listening at/ : /Fleetwire listens at/)
    server.child.kill(i % 4 === 0 ? 'SIGINT' : 'SIGTERM')
    const { code, stdout, stderr } = await server.ended
    t.same({ code, stderr }, { code: 0, stderr: '' }, args.join(' '))
    // Its next start shows no other.
    if (!isEarly) t.match(stdout, /FLEETWIRE_TOKEN=/)
  }
})
