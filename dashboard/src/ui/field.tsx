import { Field as Base } from '@base-ui/react/field'
import type { ComponentProps, ReactNode } from 'react'
import { cx } from './cx.ts'

const input =
  'w-full rounded-control border border-line bg-card px-2.5 text-body text-text placeholder:text-text3 hover:border-edge disabled:opacity-60'

export const inputClass = cx(input, 'control-height')
export const textareaClass = cx(input, 'py-1.5')

export interface FieldProps {
  label: string
  hint?: ReactNode
  error?: ReactNode
  /** The label is only for screen readers. */
  hidesLabel?: boolean
  children: ReactNode
}

/** A label, a control, and a hint or error. The control is a `TextInput`, a `TextArea` or one of Base UI. */
export function Field({ label, hint, error, hidesLabel = false, children }: FieldProps) {
  return (
    <Base.Root invalid={Boolean(error)} className="flex min-w-0 flex-col gap-1">
      <Base.Label className={hidesLabel ? 'sr-only' : 'text-meta font-medium break-words text-text2'}>
        {label}
      </Base.Label>
      {children}
      {hint !== undefined && !error && (
        <Base.Description className="text-meta break-words text-text3">{hint}</Base.Description>
      )}
      {error && (
        <Base.Error match className="text-meta break-words text-bad">
          {error}
        </Base.Error>
      )}
    </Base.Root>
  )
}

export function TextInput({ className, ...rest }: ComponentProps<typeof Base.Control>) {
  return <Base.Control className={cx(inputClass, className as string)} {...rest} />
}

export function TextArea({ className, ...rest }: ComponentProps<'textarea'>) {
  return <Base.Control render={<textarea className={cx(textareaClass, className)} {...rest} />} />
}
