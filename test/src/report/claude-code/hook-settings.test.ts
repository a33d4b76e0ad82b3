import t from 'tap'
import { reportedEvents } from '../../../../src/report/claude-code/hook-reports.ts'
import { hookSettings } from '../../../../src/report/claude-code/hook-settings.ts'

const options = { command: 'fleetwire', timeoutMs: 600_000, asks: true, platform: 'linux' } as const

t.test('every event with a report has a hook, and permissions wait for their answer', async t => {
  const { hooks } = hookSettings(options)
  t.same(Object.keys(hooks).sort(), [...reportedEvents, 'PermissionRequest'].sort())
  t.same(hooks.Stop, [
    { hooks: [{ type: 'command', command: 'fleetwire report hook claude-code || true', timeout: 10 }] },
  ])
  t.match(hooks.PreToolUse, [{ matcher: '*' }])
  t.same(hooks.PermissionRequest, [
    {
      matcher: '*',
      hooks: [{ type: 'command', command: 'fleetwire report hook claude-code --timeout 600s || true', timeout: 630 }],
    },
  ])
})

t.test('options change which hooks are set, their timeouts and their commands', async t => {
  t.notOk('PermissionRequest' in hookSettings({ ...options, asks: false }).hooks)
  const gate = hookSettings({ ...options, gate: 'Edit|Write', timeoutMs: 1500 }).hooks.PreToolUse
  t.match(gate, [
    { matcher: '*' },
    {
      matcher: 'Edit|Write',
      hooks: [{ command: 'fleetwire report hook claude-code --ask --timeout 2s || true', timeout: 32 }],
    },
  ])
  t.equal(
    hookSettings({ ...options, platform: 'win32' }).hooks.Stop?.[0]?.hooks[0]?.command,
    'fleetwire report hook claude-code',
  )
})
