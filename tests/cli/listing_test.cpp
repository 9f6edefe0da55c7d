// Reading the pages of a list.
#include "cli/listing.hpp"

#include <gtest/gtest.h>

namespace pkgreg::cli {
namespace {

TEST(NextLink, is_found_among_others) {
    EXPECT_EQ(next_link("</v2/_catalog?last=b&n=2>; rel=\"next\""), "/v2/_catalog?last=b&n=2");
    EXPECT_EQ(next_link("<?last=b>; rel=next"), "?last=b");
    EXPECT_EQ(next_link("</first>; rel=\"first\", </next>; title=\"x\"; rel=\"next\""), "/next");
}

TEST(NextLink, is_empty_where_there_is_none) {
    for (const std::string_view field :
         {"", "<", "<>", "</a>", "</a>; rel=\"prev\"", "rel=\"next\"", "</a; rel=\"next\""}) {
        EXPECT_EQ(next_link(field), "") << field;
    }
}

}  // namespace
}  // namespace pkgreg::cli
