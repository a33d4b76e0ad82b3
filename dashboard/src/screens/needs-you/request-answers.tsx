import type { Interaction } from '@fleetwire/protocol'
import { useNow } from '@fleetwire/react'
import { Check, X } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { operatorNeeded } from '../../model/rights.ts'
import { useMayCommand } from '../../model/use-may-command.ts'
import { Button } from '../../ui/button.tsx'
import { TextArea } from '../../ui/field.tsx'
import { formFields } from './answer-form.ts'
import { RequestForm } from './request-form.tsx'
import { expiryWords, labelOf, mainOption, type Option, orderedOptions } from './request-words.ts'
import { useAnswer } from './use-answer.ts'

/** All ways to answer an open request: its options, a text, the form of its schema. */
export function Answers({ request, alike }: { request: Interaction; alike: readonly string[] }) {
  const { answer, pending, problem } = useAnswer(request, alike)
  const fields = request.kind === 'form' ? formFields(request.schema) : undefined
  const may = useMayCommand()
  const many = alike.length > 0 ? ` for all ${alike.length + 1}` : ''
  const main = mainOption(request)
  const shared = { request, many, disabled: !may || pending, onAnswer: (optionId: string) => void answer({ optionId }) }
  return (
    <div className="flex flex-col gap-3">
      {fields !== undefined ? (
        <RequestForm
          fields={fields}
          disabled={!may}
          onSubmit={(answers, optionId) => void answer({ answers, ...(optionId !== undefined && { optionId }) })}
        >
          <Options {...shared} inForm>
            {main === undefined && (
              <Button type="submit" look="filled" disabled={!may || pending}>
                Send answers{many}
              </Button>
            )}
          </Options>
        </RequestForm>
      ) : (
        <>
          {request.kind !== 'permission' && (
            <TextAnswer {...shared} mayType={may} onAnswer={text => void answer({ text })} />
          )}
          <Options {...shared} />
        </>
      )}
      {pending && <p className="text-meta text-text3">Sending the answer…</p>}
      {problem !== undefined && (
        <p role="alert" className="text-meta text-bad">
          {problem}
        </p>
      )}
      {!may && <p className="text-meta text-text3">{operatorNeeded}</p>}
      <Expiry request={request} />
    </div>
  )
}

interface OptionsProps {
  request: Interaction
  /** “ for all 3” if several requests get the answer. */
  many: string
  disabled: boolean
  onAnswer(optionId: string): void
  /** In a form, the allowing options submit it. */
  inForm?: boolean
  children?: ReactNode
}

function Options({ request, many, disabled, onAnswer, inForm = false, children }: OptionsProps) {
  const main = mainOption(request)
  // Answers to a question are choices: none of them allows anything.
  const decides = request.kind !== 'question' || request.options.some(({ effect }) => effect === 'deny')
  return (
    <div className="flex flex-wrap gap-2 empty:hidden">
      {children}
      {orderedOptions(request.options).map(option => (
        <Button
          key={option.id}
          look={option !== main ? 'outline' : request.risk === 'high' ? 'danger' : 'filled'}
          disabled={disabled}
          title={(decides ? effectWords[option.effect] : 'Answers it') + scopeWords[option.scope ?? 'once']}
          // The label comes from the agent; the icon shows what effect the answer has.
          icon={decides && <EffectMark effect={option.effect} />}
          // A label may be long: the user must be able to read all of it.
          className="h-auto! min-h-[30px] max-w-full shrink! py-1 pointer-coarse:min-h-11"
          {...(inForm && option.effect === 'allow'
            ? { type: 'submit', value: option.id }
            : { onClick: () => onAnswer(option.id) })}
        >
          <span className="min-w-0 text-left break-words whitespace-normal">
            {labelOf(option)}
            {many}
          </span>
        </Button>
      ))}
    </div>
  )
}

const effectWords: Record<Option['effect'], string> = { allow: 'Allows it', deny: 'Denies it' }

const scopeWords: Record<NonNullable<Option['scope']>, string> = {
  once: '',
  session: ', for the whole session',
  always: ', from now on',
}

function EffectMark({ effect }: { effect: Option['effect'] }) {
  const Mark = effect === 'allow' ? Check : X
  return <Mark size={14} aria-hidden className="shrink-0" />
}

interface TextAnswerProps {
  many: string
  mayType: boolean
  disabled: boolean
  onAnswer(text: string): void
}

function TextAnswer({ many, mayType, disabled, onAnswer }: TextAnswerProps) {
  const [text, setText] = useState('')
  return (
    <form
      className="flex max-w-[72ch] flex-col gap-2"
      onSubmit={event => {
        event.preventDefault()
        if (text.trim() !== '') onAnswer(text)
      }}
    >
      <TextArea
        aria-label="Answer"
        placeholder="Type an answer"
        rows={3}
        value={text}
        disabled={!mayType}
        onChange={event => setText(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) event.currentTarget.form?.requestSubmit()
        }}
      />
      <Button type="submit" className="self-start" disabled={disabled || text.trim() === ''}>
        Answer{many}
      </Button>
    </form>
  )
}

function Expiry({ request }: { request: Interaction }) {
  const words = expiryWords(request, useNow())
  return words === undefined ? null : <p className="text-meta text-text3 tabular-nums">{words}</p>
}
