import { defineTask, PermanentError, t } from "taskflow";

export default defineTask({
  description: "Send one plain-text email over SMTP; without SMTP_URL and SMTP_FROM it only says that it did not",
  input: t.Object({
    to: t.String({ description: "The address it goes to", format: "email", maxLength: 254 }),
    subject: t.String({ description: "One line", pattern: "^[^\\r\\n\\u0000]*$", maxLength: 500 }),
    body: t.String({ description: "The text", maxLength: 500_000 }),
  }),
  timeout: 60,
  maxRetries: 5,
  async run({ to, subject, body }, ctx) {
    const { SMTP_URL: url, SMTP_FROM: from } = process.env;
    if (!url || !from) {
      const reason = `${url ? "SMTP_FROM" : "SMTP_URL"} is not set`;
      ctx.log.warn(`The email to ${to} was NOT sent: ${reason}`);
      return { sent: false, reason };
    }
    const transport = await smtpTransport(url);
    try {
      const { messageId } = await transport.sendMail({
        from,
        // Not as text, which would be parsed as a list of addresses.
        to: { name: "", address: to },
        subject,
        text: body,
        // The same on every attempt: a mail that went out just before a crash is recognised as the one sent again.
        messageId: `<${ctx.taskId}@${/@([^\s<>@]+)>?$/.exec(from.trim())?.[1] ?? "taskflow"}>`,
        signal: ctx.signal,
      });
      return { sent: true, to, message_id: messageId };
    } catch (error) {
      ctx.signal.throwIfAborted();
      if (isPermanent(error)) throw new PermanentError(error.message, { cause: error });
      throw error;
    } finally {
      transport.close();
    }
  },
});

async function smtpTransport(url: string) {
  if (!/^smtps?:\/\//i.test(url)) throw new PermanentError("SMTP_URL must begin with smtp:// or smtps://");
  // Loaded here, so that workers which send nothing stay small.
  const { createTransport } = await import("nodemailer");
  return createTransport({ url, connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000 });
}

/** SMTP's replies from 500 on say that the same message will be refused again. */
function isPermanent(error: unknown): error is Error {
  if (!(error instanceof Error) || !("responseCode" in error)) return false;
  return typeof error.responseCode === "number" && error.responseCode >= 500;
}
