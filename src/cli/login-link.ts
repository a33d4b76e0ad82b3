import type { LoginCode } from '@fleetwire/protocol'
import { Command } from 'commander'
import { call } from './api.ts'
import { loginUrl } from './login-url.ts'
import { printJson } from './print.ts'
import { resolveTarget } from './target.ts'

export const loginLinkCommand = new Command('login-link')
  .option('--json', 'print link and expiry as JSON')
  .action(async ({ json }: { json?: boolean }) => {
    const target = await resolveTarget()
    const { code, expiresAt } = await call<LoginCode>(target, 'POST', '/login/codes')
    const link = loginUrl(target.url, code)
    if (json) printJson({ link, expiresAt })
    else process.stdout.write(`${link}\n`)
  })
