//! Makes a [`Program`] of a bound query: resolves names to slots and functions to code, and computes constants.

mod rank;

use std::sync::Arc;

use crate::emulator::sql::ast::{
    Collection, Count, Direction, Expr, From, OrderBy, OrderItem, Projection, Query, Source, Span,
    Step,
};
use crate::emulator::sql::bind::Aggregate;
use crate::emulator::sql::environment::Environment;
use crate::emulator::sql::error::SqlError;
use crate::emulator::sql::eval::{Frame, evaluate};
use crate::emulator::sql::functions::{self, Function};
use crate::emulator::sql::like::LikePattern;
use crate::emulator::sql::naming::column_names;
use crate::emulator::sql::program::{
    AggregateCall, Node, Pattern, Program, RowSource, Shape, SortColumn,
};
use crate::emulator::sql::value::{Number, Value};
use crate::emulator::sql::vector;

/// From this length on an `IN` list of strings is looked up rather than walked.
const LONG_LIST: usize = 8;

/// Compiles a whole query. Its programs run inside a frame whose only slot is the item.
///
/// A subquery as the first source is left to the caller, who gives its rows in the place of items.
pub(super) fn compile(query: &Query, environment: &Environment<'_>) -> Result<Program, SqlError> {
    let item = Compiler::new(environment, None, true);
    Compiler::new(environment, Some(&item), true).query(query)
}

/// Compiles one query or subquery, within those around it.
struct Compiler<'c> {
    environment: &'c Environment<'c>,
    outer: Option<&'c Self>,
    names: Vec<Binding>,
    aggregates: Vec<AggregateCall>,
    /// Computed properties are not known to the queries of computed properties.
    has_computed: bool,
}

struct Binding {
    name: Option<Arc<str>>,
    is_item: bool,
}

impl<'c> Compiler<'c> {
    fn new(environment: &'c Environment<'c>, outer: Option<&'c Self>, has_computed: bool) -> Self {
        Self { environment, outer, names: Vec::new(), aggregates: Vec::new(), has_computed }
    }

    fn query(mut self, query: &Query) -> Result<Program, SqlError> {
        let sources = query.from.as_ref().map_or_else(|| Ok(Vec::new()), |from| self.from(from))?;
        let filter = query.filter.as_ref().map(|filter| self.expr(filter)).transpose()?;
        let group_by = self.exprs(&query.group_by)?;
        let shape = self.shape(&query.select.projection)?;
        let (order_by, rank) = match &query.order_by {
            None => (Vec::new(), None),
            Some(OrderBy::Items(items)) => {
                (items.iter().map(|item| self.sort_column(item)).collect::<Result<_, _>>()?, None)
            }
            Some(OrderBy::Rank(expr)) => (Vec::new(), Some(self.rank(expr)?)),
        };
        let (skip, limit) = match &query.window {
            Some(window) => (count(&window.offset)?, Some(count(&window.limit)?)),
            None => (0, None),
        };
        let top = query.select.top.as_ref().map(count).transpose()?;
        let take = limit.into_iter().chain(top).min();
        let distinct = query.select.distinct;
        let aggregates = self.aggregates;
        Ok(Program {
            sources,
            filter,
            group_by,
            aggregates,
            order_by,
            rank,
            shape,
            distinct,
            skip,
            take,
        })
    }

    fn from(&mut self, from: &From) -> Result<Vec<RowSource>, SqlError> {
        let mut sources = vec![self.source(&from.source)?];
        for join in &from.joins {
            sources.push(self.source(join)?);
        }
        Ok(sources)
    }

    fn source(&mut self, source: &Source) -> Result<RowSource, SqlError> {
        let (alias, collection, iterates) = match source {
            Source::Alias { alias, collection } => (alias.clone(), collection, false),
            Source::Iterate { alias, collection } => (Some(alias.clone()), collection, true),
        };
        // The first source of the outermost query is the container, whatever its name.
        let from_container =
            self.names.is_empty() && self.outer.is_some_and(|it| it.outer.is_none());
        let (compiled, is_item, own_name) = match collection {
            Collection::Subquery(_) if from_container => {
                let row = Node::Slot { up: 1, index: 0 };
                let source = if iterates { RowSource::EachOrOne(row) } else { RowSource::One(row) };
                (source, false, None)
            }
            Collection::Subquery(query) => {
                let query = self.subquery(query)?;
                let source =
                    if iterates { RowSource::EachOfRows(query) } else { RowSource::Rows(query) };
                (source, false, None)
            }
            Collection::Path { root, steps, span } => {
                let (start, is_item) = if from_container {
                    (Node::Slot { up: 1, index: 0 }, true)
                } else {
                    self.resolve(root, span)?
                };
                let node = self.path(start, is_item, steps)?;
                let plain = steps.is_empty() && !iterates;
                let source = if iterates { RowSource::Each(node) } else { RowSource::One(node) };
                (source, is_item && plain, last_name(root, steps))
            }
        };
        self.names.push(Binding { name: alias.or(own_name), is_item });
        Ok(compiled)
    }

    fn path(&self, start: Node, is_item: bool, steps: &[Step]) -> Result<Node, SqlError> {
        let mut node = start;
        for (position, step) in steps.iter().enumerate() {
            node = match step {
                Step::Property(name) | Step::Quoted(name) => {
                    self.property(node, is_item && position == 0, name)?
                }
                Step::Index(index) => {
                    Node::Index(node.into(), Node::Constant(Value::from(*index)).into())
                }
            };
        }
        Ok(node)
    }

    fn shape(&mut self, projection: &Projection) -> Result<Shape, SqlError> {
        Ok(match projection {
            Projection::Star => Shape::Star,
            Projection::Value(expr) => Shape::Value(self.expr(expr)?),
            Projection::List(items) => {
                let names = column_names(items).into_iter();
                let columns =
                    names.zip(items).map(|(name, item)| Ok((name, self.expr(&item.expr)?)));
                Shape::Columns(columns.collect::<Result<_, SqlError>>()?)
            }
        })
    }

    fn sort_column(&mut self, item: &OrderItem) -> Result<SortColumn, SqlError> {
        let vector = vector::direction(&item.expr, self.environment);
        let direction = item.direction.or(vector).unwrap_or(Direction::Ascending);
        Ok(SortColumn { node: self.expr(&item.expr)?, direction, is_vector: vector.is_some() })
    }

    /// The slot of a name, and whether it holds a whole item.
    fn resolve(&self, name: &str, span: &Span) -> Result<(Node, bool), SqlError> {
        let mut scope = Some(self);
        let mut up = 0;
        while let Some(compiler) = scope {
            let found = compiler.names.iter().rposition(|it| it.name.as_deref() == Some(name));
            if let Some(index) = found {
                let is_item = compiler.names.get(index).is_some_and(|it| it.is_item);
                return Ok((Node::Slot { up, index }, is_item));
            }
            scope = compiler.outer;
            up += 1;
        }
        let message = format!("Identifier '{name}' could not be resolved.");
        Err(SqlError::at(span.clone(), "SC2001", message))
    }

    fn subquery(&self, query: &Query) -> Result<Box<Program>, SqlError> {
        let inner = Compiler::new(self.environment, Some(self), self.has_computed);
        Ok(Box::new(inner.query(query)?))
    }

    fn exprs(&mut self, exprs: &[Expr]) -> Result<Vec<Node>, SqlError> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    fn boxed(&mut self, expr: &Expr) -> Result<Box<Node>, SqlError> {
        self.expr(expr).map(Box::new)
    }

    /// Compiles an expression, to a constant where that is possible.
    fn expr(&mut self, expr: &Expr) -> Result<Node, SqlError> {
        let node = match expr {
            Expr::Literal(value) => return Ok(Node::Constant(narrow(value))),
            // What no one gave a value is undefined.
            Expr::Parameter(_) => return Ok(Node::Constant(Value::Undefined)),
            Expr::Name(name, span) => return Ok(self.resolve(name, span)?.0),
            Expr::Property(base, name) => self.member(base, name)?,
            Expr::Index(base, index) => match &**index {
                Expr::Literal(Value::String(name)) => self.member(base, name)?,
                _ => Node::Index(self.boxed(base)?, self.boxed(index)?),
            },
            Expr::Unary(op, operand) => Node::Unary(*op, self.boxed(operand)?),
            Expr::Binary(op, left, right) => {
                Node::Binary(*op, self.boxed(left)?, self.boxed(right)?)
            }
            Expr::Conditional(condition, yes, no) => {
                Node::Conditional(self.boxed(condition)?, self.boxed(yes)?, self.boxed(no)?)
            }
            Expr::In { needle, list, negated } => self.is_in(needle, list, *negated)?,
            Expr::Between { value, low, high, negated } => {
                let (value, low, high) = (self.boxed(value)?, self.boxed(low)?, self.boxed(high)?);
                Node::Between { value, low, high, negated: *negated }
            }
            Expr::Like { value, pattern, escape, negated } => {
                let pattern = self.pattern(pattern, escape.as_deref())?;
                Node::Like { value: self.boxed(value)?, pattern, negated: *negated }
            }
            Expr::Array(elements) => Node::Array(self.exprs(elements)?),
            Expr::Object(members) => {
                let members = members.iter().map(|(name, it)| Ok((name.clone(), self.expr(it)?)));
                Node::Object(members.collect::<Result<_, SqlError>>()?)
            }
            Expr::Call { name, udf: true, args, .. } => {
                return Ok(Node::UserFunction(name.clone(), self.exprs(args)?));
            }
            Expr::Call { name, args, span, .. } => self.call(name, args, span)?,
            Expr::Subquery(query) => Node::Subquery(self.subquery(query)?),
            Expr::Exists(query) => Node::Exists(self.subquery(query)?),
            Expr::ArrayOf(query) => Node::ArrayOf(self.subquery(query)?),
            Expr::Quantified(quantifier, query) => {
                Node::Quantified(*quantifier, self.subquery(query)?)
            }
        };
        self.fold(node)
    }

    fn member(&mut self, base: &Expr, name: &Arc<str>) -> Result<Node, SqlError> {
        let (base, is_item) = match base {
            Expr::Name(base, span) => self.resolve(base, span)?,
            other => (self.expr(other)?, false),
        };
        self.property(base, is_item, name)
    }

    /// A property; a computed one of an item wins over a stored one.
    fn property(&self, base: Node, is_item: bool, name: &Arc<str>) -> Result<Node, SqlError> {
        let is_known = is_item && self.has_computed;
        let computed = self.environment.computed.iter().find(|(it, _)| is_known && it == name);
        let Some((_, query)) = computed else {
            return Ok(Node::Property(base.into(), name.clone()));
        };
        let item = Compiler::new(self.environment, None, false);
        let program = Compiler::new(self.environment, Some(&item), false).query(query)?;
        Ok(Node::Computed(program.into(), base.into()))
    }

    fn is_in(&mut self, needle: &Expr, list: &[Expr], negated: bool) -> Result<Node, SqlError> {
        let needle = self.boxed(needle)?;
        let list = self.exprs(list)?;
        let strings = list.iter().map(|node| match node {
            Node::Constant(Value::String(text)) => Some(text.clone()),
            _ => None,
        });
        match strings.collect() {
            Some(set) if list.len() >= LONG_LIST => Ok(Node::InStrings { needle, set, negated }),
            _ => Ok(Node::In { needle, list, negated }),
        }
    }

    fn pattern(&mut self, pattern: &Expr, escape: Option<&str>) -> Result<Pattern, SqlError> {
        let escape = escape.and_then(|text| text.chars().next());
        Ok(match self.expr(pattern)? {
            Node::Constant(Value::String(text)) => Pattern::Fixed(LikePattern::new(&text, escape)),
            other => Pattern::Dynamic(other.into(), escape),
        })
    }

    fn call(&mut self, name: &str, args: &[Expr], span: &Span) -> Result<Node, SqlError> {
        if let Some(kind) = Aggregate::from_name(name) {
            let [operand] = args else { return Err(wrong_arity(name, span)) };
            let operand = self.expr(operand)?;
            self.aggregates.push(AggregateCall { kind, operand });
            return Ok(Node::Aggregate(self.aggregates.len() - 1));
        }
        let mut nodes = self.exprs(args)?;
        nodes.extend(vector::policy_arguments(name, args, self.environment));
        Ok(Node::Function(function(name, nodes.len(), span)?, nodes))
    }

    /// Replaces a node by its value where that is the same for every row.
    fn fold(&self, node: Node) -> Result<Node, SqlError> {
        if !has_constant_operands(&node) {
            return Ok(node);
        }
        let frame = Frame::new(self.environment, &[]);
        let value = evaluate(&node, &frame)?.into_owned();
        Ok(Node::Constant(value))
    }
}

/// The built-in function of that name, which takes so many arguments.
fn function(name: &str, args: usize, span: &Span) -> Result<&'static Function, SqlError> {
    // Rewritten queries call the distance by another name.
    let known = if vector::is_distance(name) { vector::DISTANCE } else { name };
    let Some(function) = functions::lookup(known) else {
        let message = format!("'{name}' is not a recognized built-in function name.");
        return Err(SqlError::at(span.clone(), "SC2005", message));
    };
    if args < function.min || function.max.is_some_and(|max| args > max) {
        return Err(wrong_arity(name, span));
    }
    Ok(function)
}

fn wrong_arity(name: &str, span: &Span) -> SqlError {
    let message = format!("The {name} function has a wrong number of arguments.");
    SqlError::at(span.clone(), "SC2050", message)
}

/// Whether a node has operands and all of them are known. Functions without arguments may be random.
fn has_constant_operands(node: &Node) -> bool {
    let constant = |node: &Node| matches!(node, Node::Constant(_));
    match node {
        Node::Property(operand, _) | Node::Unary(_, operand) => constant(operand),
        Node::Index(left, right) | Node::Binary(_, left, right) => {
            constant(left) && constant(right)
        }
        Node::Conditional(condition, yes, no) => {
            [condition, yes, no].into_iter().all(|it| constant(it))
        }
        Node::Array(elements) => elements.iter().all(constant),
        Node::Object(members) => members.iter().all(|(_, it)| constant(it)),
        Node::Function(_, args) => !args.is_empty() && args.iter().all(constant),
        _ => false,
    }
}

/// An integer beyond `i64` in the text of a query is a double.
fn narrow(value: &Value) -> Value {
    match value {
        Value::Number(Number::UInt(number)) => Value::Number(Number::Float(*number as f64)),
        other => other.clone(),
    }
}

/// The name of a source without an alias: the last name of its path.
fn last_name(root: &Arc<str>, steps: &[Step]) -> Option<Arc<str>> {
    match steps.last() {
        None => Some(root.clone()),
        Some(Step::Property(name) | Step::Quoted(name)) => Some(name.clone()),
        Some(Step::Index(_)) => None,
    }
}

fn count(count: &Count) -> Result<u64, SqlError> {
    let value = match count {
        Count::Number(number, _) => number.as_i64().and_then(|it| u64::try_from(it).ok()),
        Count::Parameter(..) => None,
    };
    value.ok_or_else(|| {
        SqlError::Refused("TOP, OFFSET and LIMIT take an integer that is not negative.".to_owned())
    })
}
