//! What a query cost the service, as a response header tells it.

use std::iter::Sum;
use std::ops::AddAssign;
use std::time::Duration;

/// Times, counts and sizes of the execution of a query: of one page, or summed over pages and partitions.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct QueryMetrics {
    /// All of the execution.
    pub total_execution_time: Duration,
    /// Compiling the query text.
    pub compile_time: Duration,
    /// Building the logical plan.
    pub logical_plan_build_time: Duration,
    /// Building the physical plan.
    pub physical_plan_build_time: Duration,
    /// Optimizing the plan.
    pub optimization_time: Duration,
    /// Running the plan.
    pub vm_execution_time: Duration,
    /// Looking up the index.
    pub index_lookup_time: Duration,
    /// Loading items.
    pub item_load_time: Duration,
    /// Built-in functions.
    pub system_function_time: Duration,
    /// User-defined functions.
    pub user_function_time: Duration,
    /// Writing the results.
    pub write_output_time: Duration,
    /// Steps of the query's program.
    pub instruction_count: u64,
    /// Items that were loaded.
    pub retrieved_item_count: u64,
    /// Their size in bytes.
    pub retrieved_item_size: u64,
    /// Results.
    pub output_item_count: u64,
    /// Their size in bytes.
    pub output_item_size: u64,
    /// How many of the loaded items the index had found: the ratio of each page times its loaded items.
    pub index_hit_item_count: f64,
}

impl QueryMetrics {
    /// The share of the loaded items that the index had found: 1 where no item was loaded in vain.
    ///
    /// `None` where no item was loaded at all.
    pub fn index_utilization_ratio(&self) -> Option<f64> {
        let retrieved = self.retrieved_item_count as f64;
        (self.retrieved_item_count > 0).then(|| self.index_hit_item_count / retrieved)
    }

    /// Reads `totalExecutionTimeInMs=1.2;retrievedDocumentCount=3;…`. Unknown names are passed over.
    pub(crate) fn parse(text: &str) -> Self {
        let mut metrics = Self::default();
        let mut ratio = 0.0;
        for (name, value) in text.split(';').filter_map(|part| part.split_once('=')) {
            let Some(value) = value.trim().parse::<f64>().ok().filter(|it| it.is_finite()) else {
                continue;
            };
            match name.trim() {
                "indexUtilizationRatio" => ratio = value,
                name => metrics.set(name, value),
            }
        }
        metrics.index_hit_item_count = ratio * metrics.retrieved_item_count as f64;
        metrics
    }

    fn set(&mut self, name: &str, value: f64) {
        let time = Duration::try_from_secs_f64(value / 1000.0).unwrap_or_default();
        let count = value as u64;
        match name {
            "totalExecutionTimeInMs" => self.total_execution_time = time,
            "queryCompileTimeInMs" => self.compile_time = time,
            "queryLogicalPlanBuildTimeInMs" => self.logical_plan_build_time = time,
            "queryPhysicalPlanBuildTimeInMs" => self.physical_plan_build_time = time,
            "queryOptimizationTimeInMs" => self.optimization_time = time,
            "VMExecutionTimeInMs" => self.vm_execution_time = time,
            "indexLookupTimeInMs" => self.index_lookup_time = time,
            "documentLoadTimeInMs" => self.item_load_time = time,
            "systemFunctionExecuteTimeInMs" => self.system_function_time = time,
            "userFunctionExecuteTimeInMs" => self.user_function_time = time,
            "writeOutputTimeInMs" => self.write_output_time = time,
            "instructionCount" => self.instruction_count = count,
            "retrievedDocumentCount" => self.retrieved_item_count = count,
            "retrievedDocumentSize" => self.retrieved_item_size = count,
            "outputDocumentCount" => self.output_item_count = count,
            "outputDocumentSize" => self.output_item_size = count,
            _ => {}
        }
    }
}

impl AddAssign<&Self> for QueryMetrics {
    fn add_assign(&mut self, other: &Self) {
        let add_time = |time: &mut Duration, more: Duration| *time = time.saturating_add(more);
        let add_count = |count: &mut u64, more: u64| *count = count.saturating_add(more);
        add_time(&mut self.total_execution_time, other.total_execution_time);
        add_time(&mut self.compile_time, other.compile_time);
        add_time(&mut self.logical_plan_build_time, other.logical_plan_build_time);
        add_time(&mut self.physical_plan_build_time, other.physical_plan_build_time);
        add_time(&mut self.optimization_time, other.optimization_time);
        add_time(&mut self.vm_execution_time, other.vm_execution_time);
        add_time(&mut self.index_lookup_time, other.index_lookup_time);
        add_time(&mut self.item_load_time, other.item_load_time);
        add_time(&mut self.system_function_time, other.system_function_time);
        add_time(&mut self.user_function_time, other.user_function_time);
        add_time(&mut self.write_output_time, other.write_output_time);
        add_count(&mut self.instruction_count, other.instruction_count);
        add_count(&mut self.retrieved_item_count, other.retrieved_item_count);
        add_count(&mut self.retrieved_item_size, other.retrieved_item_size);
        add_count(&mut self.output_item_count, other.output_item_count);
        add_count(&mut self.output_item_size, other.output_item_size);
        self.index_hit_item_count += other.index_hit_item_count;
    }
}

impl<'a> Sum<&'a Self> for QueryMetrics {
    fn sum<I: Iterator<Item = &'a Self>>(pages: I) -> Self {
        pages.fold(Self::default(), |mut sum, page| {
            sum += page;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_of_pages_add_up_and_the_ratio_is_weighted() {
        let pages = [
            "totalExecutionTimeInMs=1.5;VMExecutionTimeInMs=0.25;retrievedDocumentCount=3;retrievedDocumentSize=300;outputDocumentCount=3;indexUtilizationRatio=1.00",
            "totalExecutionTimeInMs=0.5;retrievedDocumentCount=9;retrievedDocumentSize=900;outputDocumentCount=0;indexUtilizationRatio=0.00;newThing=7;broken;x=NaN",
        ]
        .map(QueryMetrics::parse);
        assert_eq!(pages[0].index_utilization_ratio(), Some(1.0));
        let sum: QueryMetrics = pages.iter().sum();
        assert_eq!(sum.total_execution_time, Duration::from_millis(2));
        assert_eq!(sum.vm_execution_time, Duration::from_micros(250));
        assert_eq!((sum.retrieved_item_count, sum.retrieved_item_size), (12, 1200));
        assert_eq!(sum.index_utilization_ratio(), Some(0.25));
        assert_eq!(QueryMetrics::parse("").index_utilization_ratio(), None);
    }
}
