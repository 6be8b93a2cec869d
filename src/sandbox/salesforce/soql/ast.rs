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
    pub group_by: Vec<Operand>,
    pub having: Option<Condition>,
    pub order_by: Vec<OrderItem>,
    pub limit: Option<u64>,
    pub offset: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SelectItem {
    Value {
        operand: Operand,
        alias: Option<String>,
    },
    /// `COUNT()`.
    CountRows {
        position: usize,
    },
    /// `FIELDS(ALL)`, `FIELDS(STANDARD)` or `FIELDS(CUSTOM)`.
    Fields {
        group: FieldGroup,
        position: usize,
    },
    /// A query over the records that point to the one at hand.
    Children(Box<Query>),
}

/// A field, or what a function makes of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    Field(Path),
    Aggregate {
        function: Function,
        path: Path,
    },
    Date {
        function: DateFunction,
        path: Path,
    },
    /// `toLabel()`, `FORMAT()` or `convertCurrency()`.
    Shown {
        is_label: bool,
        path: Path,
    },
}

impl Operand {
    pub fn path(&self) -> &Path {
        match self {
            Self::Field(path)
            | Self::Aggregate { path, .. }
            | Self::Date { path, .. }
            | Self::Shown { path, .. } => path,
        }
    }

    /// Tells whether both mean the same, whatever the casing.
    pub fn is_same(&self, other: &Self) -> bool {
        let is_same_function = match (self, other) {
            (Self::Field(_), Self::Field(_)) => true,
            (Self::Date { function: own, .. }, Self::Date { function, .. }) => own == function,
            _ => false,
        };
        is_same_function && self.path().text.eq_ignore_ascii_case(&other.path().text)
    }
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

/// Functions that take a part of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateFunction {
    Year,
    Quarter,
    Month,
    DayInMonth,
    DayInWeek,
    DayInYear,
    DayOnly,
    Hour,
    WeekInMonth,
    WeekInYear,
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
    Compare { operand: Operand, operator: Operator, value: Literal },
    In { operand: Operand, is_negated: bool, values: Vec<Literal> },
    InQuery { path: Path, is_negated: bool, query: Box<Query> },
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
    /// A span of days relative to today, such as `LAST_N_DAYS:30`.
    Days(Days),
}

/// A span of whole days, weeks, months, quarters or years relative to the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    pub unit: DateUnit,
    /// First unit of the span: 0 is the current one, -1 the one before.
    pub first: i32,
    /// The unit behind the last of the span.
    pub end: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateUnit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderItem {
    pub key: Operand,
    pub is_descending: bool,
    /// `None` where the query does not say.
    pub is_nulls_first: Option<bool>,
}
