//! A project that may write to simulated CRMs, which it reaches by address as it would real ones.

use axum::Router;
use concord::sandbox::Sandbox;
use concord::sandbox::company::CompanyOptions;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::{Company, Output, Row};

/// A company whose plans wait for a person, and whose CRMs answer until it is dropped.
pub struct Served {
    pub company: Company,
    pub sandbox: Sandbox,
    _runtime: Runtime,
}

impl Served {
    /// Serves a generated company; `salesforce` may wrap what the org answers.
    pub fn new(options: &CompanyOptions, salesforce: impl FnOnce(Router) -> Router) -> Self {
        let company = Company::new(options);
        let runtime = Runtime::new().expect("a runtime");
        let sandbox = Sandbox::open(&company.path("data/demo"), None).expect("the sandbox opens");
        let hubspot_url = listen(&runtime, sandbox.hubspot_router());
        let salesforce_url = listen(&runtime, salesforce(sandbox.salesforce_router()));
        company.edit("concord.toml", "https://api.hubapi.com", &hubspot_url);
        company.edit("concord.toml", "https://lumenforge.my.salesforce.com", &salesforce_url);
        company.edit("concord.toml", "access = \"read\"", "access = \"write\"");
        let world = sandbox.world();
        let portal = format!("account_id = \"{}\"", world.hubspot.portal_id);
        company.edit("concord.toml", "# account_id = \"4471923\"", &portal);
        let org = format!("account_id = \"{}\"", world.salesforce.org_id);
        company.edit("concord.toml", "# account_id = \"00D5g000004XyzAEAS\"", &org);
        Self { company, sandbox, _runtime: runtime }
    }

    pub fn concord(&self, arguments: &[&str]) -> Output {
        let world = self.sandbox.world();
        let variables = [
            ("HUBSPOT_TOKEN", world.hubspot.token.as_str()),
            ("SALESFORCE_CLIENT_ID", world.salesforce.client_id.as_str()),
            ("SALESFORCE_CLIENT_SECRET", world.salesforce.client_secret.as_str()),
        ];
        self.company.concord_with(arguments, &variables)
    }

    /// Runs the program and demands that it ends well.
    pub fn good(&self, arguments: &[&str]) -> Output {
        let output = self.concord(arguments);
        assert_eq!(output.code, 0, "{arguments:?}: {}{}", output.stdout, output.stderr);
        output
    }

    /// Makes a plan from fresh snapshots; returns its id and digest.
    pub fn plan(&self) -> (String, String) {
        self.good(&["pull"]);
        self.good(&["build"]);
        let plan = self.good(&["plan"]);
        let mut words = plan.stdout.split_whitespace();
        let mut after = |word| {
            words.by_ref().find(|found| *found == word);
            words.next().expect("a word").to_owned()
        };
        (after("plan"), after("digest"))
    }

    pub fn query(&self, sql: &str) -> Vec<Row> {
        self.company.query_real(sql)
    }
}

fn listen(runtime: &Runtime, router: Router) -> String {
    let listener =
        runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).expect("a port of the loopback");
    let address = listener.local_addr().expect("an address");
    runtime.spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}
