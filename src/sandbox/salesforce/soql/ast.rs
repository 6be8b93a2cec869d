//! What a query says, before it is held against the schema.

/// A dotted name and where it starts in the query's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub text: String,
    pub position: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub select: Vec<SelectItem>,
    pub object: Path,
    /// Name the object goes by inside the query.
    pub alias: Option<String>,
    pub condition: Option<Condition>,
    pub group_by: Vec<Path>,
    pub order_by: Vec<OrderItem>,
    pub limit: Option<u64>,
    pub offset: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectItem {
    Field {
        path: Path,
        alias: Option<String>,
    },
    /// `COUNT()`.
    CountRows {
        position: usize,
    },
    Aggregate {
        call: Aggregate,
        alias: Option<String>,
    },
    /// `FIELDS(ALL)`, `FIELDS(STANDARD)` or `FIELDS(CUSTOM)`.
    Fields {
        group: FieldGroup,
        position: usize,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    pub function: Function,
    pub path: Path,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Count,
    CountDistinct,
    Min,
    Max,
    Sum,
    Avg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldGroup {
    All,
    Standard,
    Custom,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare { path: Path, operator: Operator, value: Literal },
    In { path: Path, is_negated: bool, values: Vec<Literal> },
    Includes { path: Path, is_negated: bool, values: Vec<Literal> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    pub value: LiteralValue,
    pub position: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LiteralValue {
    Null,
    Boolean(bool),
    Number(f64),
    /// Text between quotes, escapes resolved, except that `\_` and `\%` keep their backslash.
    Text(String),
    Date(String),
    /// As the wire writes it.
    Moment(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderItem {
    pub key: OrderKey,
    pub is_descending: bool,
    /// `None` where the query does not say.
    pub is_nulls_first: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderKey {
    Field(Path),
    Aggregate(Aggregate),
}
