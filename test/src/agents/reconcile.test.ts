import t from 'tap'
import { judge } from '../../../src/agents/reconcile.ts'
import { transition } from '../../../src/commands/command-state.ts'
import { finalStates, liveStates, stateName, T0 } from '../commands/command-samples.ts'

/*
 * The directive for each command that an agent lists as finished, as running (in the current attempt), and as running
 * in an older attempt. `+`: the command has its link back.
 */
const table = `
            | finished | running   | older
fresh       | resend   | continue  | continue
sent        | resend   | continue+ | continue
given       | resend   | continue+ | continue
given+c     | resend   | cancel+   | cancel
working     | resend   | continue+ | continue
waiting     | resend   | continue+ | continue
hinted      | resend   | continue+ | continue
told        | resend   | continue+ | continue
cancelling  | resend   | cancel+   | cancel
away        | resend   | continue+ | continue
away+w      | resend   | continue+ | continue
away+c      | resend   | cancel+   | cancel
succeeded   | forget   | cancel    | cancel
failed      | forget   | cancel    | cancel
undelivered | resend   | cancel    | cancel
cancelled✓  | forget   | cancel    | cancel
cancelled?  | resend   | cancel    | cancel
timed_out✓  | forget   | cancel    | cancel
timed_out?  | resend   | cancel    | cancel
expired     | resend   | cancel    | cancel
rejected    | resend   | cancel    | cancel
lost        | resend   | cancel    | cancel
lost late   | forget   | cancel    | cancel
`

const samples = { ...liveStates, ...finalStates }
const commandId = 'cmd_1'

t.test('[RC1] [RC2] [RC3] [RC4] [RC8] a returning agent gets a directive for each of its commands', async t => {
  const told = Object.entries(samples).map(([name, command]) => {
    const { attempt } = command
    // An attempt that no agent can name: the command was never sent.
    const current = attempt === 0 ? 1 : attempt
    const items = [
      { commandId, attempt: current, state: 'finished' as const },
      { commandId, attempt: current, state: 'running' as const },
      { commandId, attempt: current + (attempt === 0 ? 1 : -1), state: 'running' as const },
    ]
    return [
      name,
      ...items.map(item => {
        const { directive, linkBack } = judge(item, command)
        t.equal(directive.commandId, commandId)
        if (linkBack !== undefined) t.same(linkBack, { attempt })
        return directive.action + (linkBack === undefined ? '' : '+')
      }),
    ]
  })
  const rows = table.trim().split('\n').slice(1)
  t.same(
    told,
    rows.map(row => row.split('|').map(cell => cell.trim())),
  )
})

t.test('[RC1] [RC2] unknown commands, and those of other agents, are forgotten or stopped', async t => {
  t.same(judge({ commandId, attempt: 1, state: 'finished' }, undefined).directive, { commandId, action: 'forget' })
  t.same(judge({ commandId, attempt: 1, state: 'running' }, undefined).directive, { commandId, action: 'cancel' })
})

t.test('[RC1] [RC8] a result is requested exactly if it would be kept', async t => {
  for (const [name, command] of Object.entries(finalStates)) {
    const { action } = judge({ commandId, attempt: 2, state: 'finished' }, command).directive
    const kept = transition(command, { kind: 'result', attempt: 2, outcome: { status: 'succeeded' } }, T0)
    t.equal(action === 'resend', kept.to === 'next', name)
    if (kept.to === 'next') t.equal(stateName(kept.command), `${name} late`)
  }
})
