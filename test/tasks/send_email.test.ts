import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Socket, TCPSocketListener } from "bun";
import { PermanentError } from "taskflow";
import sendEmail from "../../tasks/send_email.ts";
import { failureOf, fakeContext, testEnvironment } from "./context.ts";

const environment = testEnvironment();

interface Session {
  buffer: string;
  inData: boolean;
}

/** As much of an SMTP server as one conversation takes. */
class SmtpServer {
  /** Every line the client sent outside of a message. */
  readonly commands: string[] = [];
  /** Every message taken in, its lines as they were sent. */
  readonly messages: string[][] = [];
  /** Answers that differ from the usual ones, by the first word of the command; null never answers. */
  readonly replies = new Map<string, string | null>();
  /** Called with every command. */
  onCommand: (command: string) => void = () => undefined;
  readonly #listener: TCPSocketListener<Session>;
  #message: string[] = [];

  constructor() {
    this.#listener = Bun.listen<Session>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => {
          socket.data = { buffer: "", inData: false };
          socket.write("220 test ESMTP\r\n");
        },
        data: (socket, bytes) => this.#read(socket, bytes.toString("latin1")),
      },
    });
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.#listener.port}`;
  }

  stop(): void {
    this.#listener.stop(true);
  }

  #read(socket: Socket<Session>, text: string): void {
    const lines = (socket.data.buffer + text).split("\r\n");
    socket.data.buffer = lines.pop() ?? "";
    for (const line of lines) {
      if (socket.data.inData) this.#readMessage(socket, line);
      else this.#answer(socket, line);
    }
  }

  #readMessage(socket: Socket<Session>, line: string): void {
    if (line !== ".") {
      this.#message.push(line);
      return;
    }
    this.messages.push(this.#message.splice(0));
    socket.data.inData = false;
    socket.write("250 2.0.0 taken\r\n");
  }

  #answer(socket: Socket<Session>, line: string): void {
    this.commands.push(line);
    this.onCommand(line);
    const verb = line.split(/[ :]/)[0]?.toUpperCase() ?? "";
    const usual = verb === "DATA" ? "354 go on" : verb === "EHLO" ? "250-test\r\n250 8BITMIME" : "250 OK";
    const reply = this.replies.has(verb) ? this.replies.get(verb) : usual;
    socket.data.inData = reply === "354 go on";
    if (reply) socket.write(`${reply}\r\n`);
  }
}

let smtp: SmtpServer;

beforeEach(() => {
  smtp = new SmtpServer();
  environment("SMTP_URL", smtp.url);
  environment("SMTP_FROM", "TaskFlow <noreply@example.org>");
});

afterEach(() => smtp.stop());

const email = { to: "ada@example.com", subject: "Hello", body: "First\n.\n..second\n" };

const run = (input: Partial<typeof email> = {}, context = fakeContext()) =>
  sendEmail.run({ ...email, ...input }, context);

/** Header and body of the one message that came. */
function received(): { headers: string[]; body: string[] } {
  const [message = []] = smtp.messages;
  const end = message.indexOf("");
  return { headers: message.slice(0, end), body: message.slice(end + 1) };
}

describe("send_email", () => {
  test("sends the message by SMTP, every line of it as it was", async () => {
    expect(await run()).toEqual({
      sent: true,
      to: "ada@example.com",
      message_id: "<0198c0de-0000-7000-8000-000000000001@example.org>",
    });
    expect(smtp.commands).toContain("MAIL FROM:<noreply@example.org>");
    expect(smtp.commands).toContain("RCPT TO:<ada@example.com>");
    const { headers, body } = received();
    expect(headers).toContain("From: TaskFlow <noreply@example.org>");
    expect(headers).toContain("To: ada@example.com");
    expect(headers).toContain("Subject: Hello");
    expect(body.map((line) => line.replace(/^\./, ""))).toEqual(["First", ".", "..second"]);
  });

  test("has the same Message-ID on every attempt", async () => {
    const first = await run({}, fakeContext({ taskId: "t1", attempt: 1 }));
    const second = await run({}, fakeContext({ taskId: "t1", attempt: 2 }));
    const other = await run({}, fakeContext({ taskId: "t2" }));
    expect(second).toEqual(first);
    expect(other).toMatchObject({ message_id: "<t2@example.org>" });
  });

  test("lets no line break in the subject or the address become a header or a recipient", async () => {
    await run({
      subject: "Hi\r\nBcc: eve@example.com\r\n\r\nbody",
      to: "ada@example.com\r\nRCPT TO:<eve@example.com>",
    });
    expect(smtp.commands.filter((line) => line.startsWith("RCPT"))).toHaveLength(1);
    expect(received().headers.filter((line) => /^(bcc|rcpt)/i.test(line))).toEqual([]);
  });

  test("takes the recipient as one address, not as a list", async () => {
    await run({ to: "ada@example.com, eve@example.com" });
    expect(smtp.commands.filter((line) => line.startsWith("RCPT"))).toHaveLength(1);
  });

  test.each([
    ["SMTP_URL", "SMTP_URL is not set"],
    ["SMTP_FROM", "SMTP_FROM is not set"],
  ])("without %s it sends nothing, and says so", async (variable, reason) => {
    environment(variable, undefined);
    const context = fakeContext();
    expect(await run({}, context)).toEqual({ sent: false, reason });
    expect(context.lines).toEqual([`warn: The email to ada@example.com was NOT sent: ${reason}`]);
    expect(smtp.commands).toEqual([]);
  });

  test("an SMTP_URL of another scheme fails for good, without repeating what it holds", async () => {
    environment("SMTP_URL", "http://me:secret@example.org");
    const failure = await failureOf(run);
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).not.toContain("secret");
  });

  test.each([
    ["RCPT", "550 5.1.1 no such user"],
    ["MAIL", "553 not from you"],
    ["DATA", "554 no"],
  ])("a permanent refusal of %s fails for good", async (verb, reply) => {
    smtp.replies.set(verb, reply);
    const failure = await failureOf(run);
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toContain(reply);
  });

  test("a temporary refusal may be tried again", async () => {
    smtp.replies.set("RCPT", "450 4.2.1 mailbox busy");
    const failure = await failureOf(run);
    expect(failure).not.toBeInstanceOf(PermanentError);
    expect(failure.message).toContain("450 4.2.1 mailbox busy");
  });

  test("a server that is not there may be tried again", async () => {
    smtp.stop();
    const failure = await failureOf(run);
    expect(failure).not.toBeInstanceOf(PermanentError);
    expect(failure.message).toContain("ECONNREFUSED");
  });

  test("an abort ends a conversation that hangs", async () => {
    const context = fakeContext();
    smtp.replies.set("MAIL", null);
    smtp.onCommand = (line) => {
      if (line.startsWith("MAIL")) context.abort(new Error("told to stop"));
    };
    expect((await failureOf(() => run({}, context))).message).toBe("told to stop");
    expect(smtp.messages).toEqual([]);
  });
});
