// The importer of what the AWS CLI writes: the answers of `aws ec2 describe-*`, as they are.
//
// An answer is known by its top-level key ("Subnets"). Some answers do not say whose they are: the
// routes, associations and propagations of a transit gateway route table, and the entries of a
// prefix list. Their owner's id is taken from a member that was added (TransitGatewayRouteTableId,
// PrefixListId), else from the file's name if an id is in it, else from there being only one.
//
// Source of the fields: AWS CLI Command Reference, ec2. Thread safety: pure.
#pragma once

#include <string>
#include <string_view>

#include "controller/vpc/importer.h"

namespace faultline::vpc {

[[nodiscard]] bool is_aws(const nlohmann::json& document);
[[nodiscard]] Result<std::string> read_aws(const nlohmann::json& document, const std::string& file,
                                           Draft& draft);

// "aws ec2 describe-route-tables", by the first key of the answer.
[[nodiscard]] std::string aws_command(std::string_view beginning);

inline constexpr Importer kAwsImporter{"aws", is_aws, read_aws, aws_command};

}  // namespace faultline::vpc
