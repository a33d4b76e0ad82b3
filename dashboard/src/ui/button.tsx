import type { ComponentProps, ReactNode } from 'react'
import { cx } from './cx.ts'

export type ButtonLook = 'filled' | 'outline' | 'quiet' | 'danger' | 'danger-outline'

export interface ButtonProps extends ComponentProps<'button'> {
  /** `filled`: the one main action of a screen. */
  look?: ButtonLook
  icon?: ReactNode
}

const base =
  'control-height inline-flex shrink-0 items-center justify-center gap-1.5 rounded-control px-3 text-body font-medium whitespace-nowrap select-none disabled:opacity-50 aria-disabled:opacity-50 aria-disabled:cursor-default'

const looks: Record<ButtonLook, string> = {
  filled: 'bg-primary text-white hover:brightness-110',
  outline: 'border border-line bg-hover text-text hover:bg-selected',
  quiet: 'text-text2 hover:bg-hover hover:text-text',
  danger: 'bg-danger text-white hover:brightness-110',
  'danger-outline': 'border border-bad text-bad hover:bg-bad-soft',
}

export function Button({ look = 'outline', icon, className, children, type = 'button', ...rest }: ButtonProps) {
  return (
    <button type={type} className={cx(base, looks[look], className)} {...rest}>
      {icon}
      {children}
    </button>
  )
}

export interface IconButtonProps extends Omit<ComponentProps<'button'>, 'aria-label'> {
  /** Read by screen readers and shown as the tooltip. */
  label: string
}

export function IconButton({ label, className, children, type = 'button', ...rest }: IconButtonProps) {
  return (
    <button
      type={type}
      aria-label={label}
      title={label}
      className={cx(
        'inline-flex size-7 shrink-0 items-center justify-center rounded-control text-text2 hover:bg-hover hover:text-text disabled:opacity-50 pointer-coarse:size-11',
        className,
      )}
      {...rest}
    >
      {children}
    </button>
  )
}
