import { type ReactNode, useState } from 'react'
import { Checkbox } from '../../ui/checkbox.tsx'
import { Field, TextArea, TextInput } from '../../ui/field.tsx'
import { Select } from '../../ui/select.tsx'
import { type ByField, type FormField, formAnswers } from './answer-form.ts'

export interface RequestFormProps {
  fields: readonly FormField[]
  disabled: boolean
  /** The buttons. A `submit` button sends the answers, with its value, if any, as the chosen option. */
  children: ReactNode
  onSubmit(answers: Record<string, unknown>, optionId: string | undefined): void
}

export function RequestForm({ fields, disabled, children, onSubmit }: RequestFormProps) {
  const [typed, setTyped] = useState<ByField>(new Map())
  const [errors, setErrors] = useState<ByField>(new Map())
  return (
    <form
      className="flex max-w-[480px] flex-col gap-3"
      onSubmit={event => {
        event.preventDefault()
        const result = formAnswers(fields, typed)
        setErrors(result.ok ? new Map() : result.errors)
        const { submitter } = event.nativeEvent as SubmitEvent
        const optionId = submitter instanceof HTMLButtonElement && submitter.value !== '' ? submitter.value : undefined
        if (result.ok) onSubmit(result.answers, optionId)
      }}
    >
      {fields.map(field => (
        <FormControl
          key={field.name}
          field={field}
          value={typed.get(field.name) ?? field.initial}
          error={errors.get(field.name)}
          disabled={disabled}
          onChange={value => setTyped(before => new Map(before).set(field.name, value))}
        />
      ))}
      {children}
    </form>
  )
}

interface FormControlProps {
  field: FormField
  value: string
  error: string | undefined
  disabled: boolean
  onChange(value: string): void
}

function FormControl({ field, value, error, disabled, onChange }: FormControlProps) {
  const { input, label, hint, required } = field
  if (input.type === 'boolean') {
    return <Checkbox checked={value === 'true'} label={label} onChange={checked => onChange(String(checked))} />
  }
  const change = (event: { target: { value: string } }) => onChange(event.target.value)
  return (
    <Field label={required ? label : `${label} (optional)`} hint={hint} error={error}>
      {input.type === 'choice' ? (
        <Select
          label={label}
          value={value}
          onChange={onChange}
          choices={input.values.map(one => ({ value: one, label: one }))}
        />
      ) : input.type === 'json' || (input.type === 'text' && input.multiline) ? (
        <TextArea rows={3} value={value} disabled={disabled} onChange={change} />
      ) : (
        <TextInput
          value={value}
          disabled={disabled}
          onChange={change}
          inputMode={input.type === 'number' ? (input.integer ? 'numeric' : 'decimal') : 'text'}
        />
      )}
    </Field>
  )
}
