import { type CSSProperties, type FormEvent, useEffect, useRef, useState } from 'react'
import { type LoginProblem, login } from '../../app/session.ts'
import { Logo } from '../../shell/logo.tsx'
import { Button } from '../../ui/button.tsx'
import { CodeLine } from '../../ui/copy-button.tsx'
import { Field, TextInput } from '../../ui/field.tsx'

const problems: Record<LoginProblem, string> = {
  expired: 'This token expired. Create another with “fleetwire token”, or open a new login link.',
  refused: 'The server refused this token: it is incomplete, revoked, or from another server.',
  'wrong-role': 'This token may not watch the fleet: it needs the role viewer, operator or admin.',
  code: 'This login link was used before, or is older than ten minutes. Print another with “fleetwire login-link”.',
  unreachable: 'The server did not respond. Check that it is running, then try again.',
}

export function LoginScreen({ problem }: { problem?: LoginProblem | undefined }) {
  const [token, setToken] = useState('')
  const [missing, setMissing] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (token.trim() === '') {
      setMissing(true)
      field.current?.focus()
      return
    }
    login(token)
  }
  const said = problem === undefined ? undefined : problems[problem]
  return (
    <main className="flex min-h-full items-center justify-center p-6">
      <div className="flex w-full max-w-[400px] flex-col gap-5">
        <Logo />
        <h1 className="sr-only">Log in to Fleetwire</h1>
        <form onSubmit={submit} className="flex flex-col gap-3 rounded-dialog border border-line bg-card p-5">
          <Field label="Token" error={missing && token.trim() === '' ? 'Paste a token first.' : said}>
            <TextInput
              ref={field}
              // A text box with hidden text: browsers offer to save passwords, but this token expires.
              type="text"
              style={{ WebkitTextSecurity: 'disc' } as CSSProperties}
              name="token"
              autoComplete="off"
              spellCheck={false}
              placeholder="Paste a token"
              value={token}
              onChange={event => setToken(event.target.value)}
            />
          </Field>
          <Button type="submit" look="filled">
            Log in
          </Button>
        </form>
        <div className="flex flex-col gap-2 text-text2">
          <p>Or open the link that the server printed when it started. To print another:</p>
          <CodeLine text="npx fleetwire login-link" />
        </div>
      </div>
    </main>
  )
}
