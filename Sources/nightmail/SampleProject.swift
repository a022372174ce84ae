import Config

/// The project that `init` makes, file by file: small, and with everything in it that a first campaign needs.
enum SampleProject {
  struct File {
    /// Relative to the project.
    var path: String
    var content: String
  }

  /// What people edit, and the schemas that their editors check it by.
  static let files: [File] =
    texts
    + SchemaKind.allCases.map {
      File(path: "\(SchemaKind.folder)/\($0.file)", content: JSONSchema.document($0).pretty())
    }

  private static let texts: [File] = [
    File(
      path: "campaigns/settings.yaml",
      content: #"""
        # yaml-language-server: $schema=.schema/settings.json
        # The project's defaults. Every key may be left out; `nightmail validate` checks this file with all the others.
        timezone: Europe/Berlin
        window: mon-fri 09:00-17:00 contact     # a campaign may have one of its own
        holidays: [2026-12-25, 2026-12-26, 2027-01-01]
        contact_caps: {per_day: 2}              # sends to one contact a day, over all bulk campaigns
        approval: required                      # a person runs `nightmail approve` before anything goes out
        retry: {backoff: 1m, max_backoff: 30m, give_up_after: 4d}
        seed: 7                                 # decides ties, jitter and variants
        vars:
          company_name: Northwind Bikes

        """#),
    File(
      path: "campaigns/reminders/campaign.yaml",
      content: #"""
        # yaml-language-server: $schema=../.schema/campaign.json
        # Message rows: what a booking system drops into data/messages/ goes out as soon as it may.
        status: active
        class: transactional
        audience:
          messages: [messages/reminders.csv]
          key: [booking]
        mailboxes: [anna]
        steps:
          - id: reminder
            subject: Your workshop slot on {{day}}
            text:
              inline: |
                Hello {{name}},

                we expect you and your bike on {{day}} at {{time}}. Booking {{booking}}.

                {{mailbox.name}}

        """#),
    File(
      path: "campaigns/weekly-tip/campaign.yaml",
      content: #"""
        # yaml-language-server: $schema=../.schema/campaign.json
        # One letter to everybody, open every day, weekends and holidays included.
        status: active
        audience:
          contacts: [contacts.csv]
          except: {tags: [no-tips]}
        mailboxes: {tag: news}
        window: daily 08:00-20:00 contact
        holidays: []
        unsubscribe:
          url: https://northwind.example/unsubscribe/{{send_id}}
        steps:
          - id: chain-care
            subject: Three minutes for your chain
            text: chain-care.txt

        """#),
    File(
      path: "campaigns/weekly-tip/chain-care.txt",
      content: #"""
        {{#first_name}}Dear {{first_name}}{{/first_name}}{{^first_name}}Dear rider{{/first_name}},

        a dry cloth, a drop of oil on each link, and a second cloth for what is
        too much: three minutes, and the chain runs quietly for two weeks.

        {{mailbox.name}}, {{company_name}}

        No more tips: {{{unsubscribe_url}}}

        """#),
    File(
      path: "campaigns/welcome/campaign.yaml",
      content: #"""
        # yaml-language-server: $schema=../.schema/campaign.json
        # A two-step sequence: a welcome in two variants, and three days later a reply in the same thread.
        status: active
        priority: 10
        audience:
          contacts: [contacts.csv]
          where: {segment: [new]}
        mailboxes: [anna]
        stop_on: [reply]
        unsubscribe:
          mailto: unsubscribe@northwind.example
          url: https://northwind.example/unsubscribe/{{send_id}}
        steps:
          - id: hello
            subject: Welcome to {{company_name}}, {{first_name}}
            text: hello.txt
            html: hello.html
            variants:
              - {id: plain, weight: 1}
              - {id: question, weight: 1, subject: "{{first_name}}, which bike is yours?"}
          - id: follow-up
            delay: 3d
            reply: true
            text: follow-up.txt

        """#),
    File(
      path: "campaigns/welcome/follow-up.txt",
      content: #"""
        Hello {{first_name}},

        did the first ride go well? Just answer this letter: a person reads it.

        {{mailbox.name}}

        """#),
    File(
      path: "campaigns/welcome/hello.html",
      content: #"""
        <!doctype html>
        <html lang="en">
          <body style="font-family: system-ui, sans-serif; color: #1c2733; max-width: 34rem">
            <h1 style="font-size: 1.3rem">Welcome, {{first_name}}</h1>
            <p>
              You signed up for {{company_name}}{{#city}} from <b>{{city}}</b>{{/city}}. One short letter now, one in
              three days, and then only what you ask for.
            </p>
            <p>Ride well,<br />{{mailbox.name}}</p>
            <p style="font-size: 0.8rem; color: #667">
              <a href="{{unsubscribe_url}}">No more letters like this</a>
            </p>
          </body>
        </html>

        """#),
    File(
      path: "campaigns/welcome/hello.txt",
      content: #"""
        Hello {{first_name}},

        welcome to {{company_name}}! You signed up{{#city}} from {{city}}{{/city}}, so here is
        what to expect: one short letter now, one in three days, and then only
        what you ask for.

        Ride well,
        {{mailbox.name}}

        No more letters like this: {{{unsubscribe_url}}}

        """#),
    File(
      path: "data/contacts.csv",
      content: #"""
        email,first_name,last_name,company,city,timezone,segment,tags
        ada@example.com,Ada,Lovelace,Analytical Engines,London,Europe/London,new,
        jurgen.muller@example.org,Jürgen,Müller,"Müller, Söhne & Co.",Köln,Europe/Berlin,new,vip
        hanako@example.net,花子,山田,山田自転車,東京,Asia/Tokyo,new,
        grace@example.com,Grace,Hopper,Compilers Inc.,New York,America/New_York,new,vip;us
        raj@example.org,Raj,Patel,Patel Cycles,Pune,Asia/Kolkata,new,
        maria@example.net,María,Souza,Souza Bicicletas,São Paulo,America/Sao_Paulo,customer,
        linus@example.com,Linus,Torp,Torp Oy,Helsinki,Europe/Helsinki,customer,
        barbara@example.org,Barbara,Liskov,,,America/Los_Angeles,customer,us
        donald@example.net,Donald,Knuth,Literate Press,Sydney,Australia/Sydney,customer,no-tips
        pia@bücher.example,Pia,Schön,Bücher & Räder,Wien,Europe/Vienna,new,
        sam@example.com,,,,,,customer,
        old.friend@example.org,Otto,Alt,,Hamburg,Europe/Berlin,customer,

        """#),
    File(
      path: "data/mailboxes.yaml",
      content: #"""
        # yaml-language-server: $schema=../campaigns/.schema/mailboxes.json
        # Sending identities: who the mail is from, and how much may go out.
        - id: anna
          from: Anna Schmidt <anna@northwind.example>
          reply_to: hello@northwind.example
          daily_limit: 40
          min_gap: 90s
          timezone: Europe/Berlin
          providers: [outbox]
        - id: news
          from: Northwind Bikes <news@northwind.example>
          daily_limit: 200
          min_gap: 20s
          timezone: Europe/Berlin
          providers: [outbox]
          tags: [news]

        """#),
    File(
      path: "data/providers.yaml",
      content: #"""
        # yaml-language-server: $schema=../campaigns/.schema/providers.json
        # Ways out. This one writes .eml files into the day's outbox and needs no server.
        - id: outbox
          type: file

        # A real service: put its id first in a mailbox's `providers`. The password never stands in a file that git tracks.
        # - id: service
        #   type: smtp
        #   host: smtp.example.net
        #   port: 587
        #   tls: starttls                  # or implicit (port 465)
        #   username: "{{mailbox.email}}"
        #   password: {env: SMTP_PASSWORD} # or {file: /run/secrets/smtp}, {command: [pass, show, smtp]}
        #   max_connections: 2
        #   messages_per_connection: 50
        #   rate: 2/s

        """#),
    File(
      path: "data/suppressions.csv",
      content: #"""
        value,reason,campaign,until
        old.friend@example.org,asked by telephone,,
        @competitor.example,legal,,

        """#),
    File(
      path: "data/messages/reminders.csv",
      content: #"""
        booking,email,name,day,time
        B-1001,maria@example.net,María,Tuesday,10:30
        B-1002,walk.in@example.com,Ms Walk-In,Tuesday,14:00

        """#),
    File(
      path: ".gitignore",
      content: #"""
        # Plans, results and outboxes hold personal data.
        /output/

        """#),
  ]
}
