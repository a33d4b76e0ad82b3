import t from 'tap'
import { run } from '../../helpers/cli.ts'

t.test('the settings call this very program, whatever is in PATH', async t => {
  const { code, stdout, stderr } = await run(t, ['hooks', 'claude-code', '--timeout', '90s', '--gate', 'Bash'])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const { hooks } = JSON.parse(stdout)
  const command = hooks.PermissionRequest[0].hooks[0].command as string
  t.ok(command.startsWith(process.execPath), command)
  t.match(command, /dist\/src\/cli\/main\.js report hook claude-code --timeout 90s/)
  t.match(hooks.PreToolUse, [{ matcher: '*' }, { matcher: 'Bash' }])
  t.match(await run(t, ['hooks', 'claude-code', '--timeout', 'soon']), { code: 2, stderr: /Write it as 90s/ })
  t.match(await run(t, ['hooks', 'emacs']), { code: 2, stderr: /unknown command 'emacs'/ })
})
