import { mediaHook } from '../../ui/media-hook.ts'

/** Whether the details have their own column; otherwise they are a tab. */
export const useWide = mediaHook('(width >= 900px)')
